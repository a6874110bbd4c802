/** The remedy of a held file: the hint of its code, with commands that name the file. */
import { CATALOGUE } from './errors.js';

/** The last error of a file that is held after its attempts may be any error of the kernel, which no entry describes. */
const UNLISTED = 'Remove the cause that the reason names, then run `ingest-ctl retry`; or run `ingest-ctl discard`.';

/** `named`: what the commands act on, as a shell takes it. Without it they are named alone. */
export function remedyOf(code: string, named = '', feed = 'FEED'): string {
  const hint = (CATALOGUE[code]?.hint ?? UNLISTED).replace('--feed FEED', `--feed ${feed}`);
  return named === '' ? hint : hint.replace(/`(ingest-ctl (?:retry|discard))`/g, `\`$1 ${named}\``);
}

const AFTER_RESTART = 'restart the service and run `ingest-ctl retry`';

/** False where a retry alone would hold the file again: the remedy is something else, or it begins with a restart. */
export function isHealedByRetry(code: string, isRestarted: boolean): boolean {
  const remedy = remedyOf(code);
  return (isRestarted ? remedy : remedy.replaceAll(AFTER_RESTART, '')).includes('ingest-ctl retry');
}

/** All files that are held for one reason, of each feed. */
export const ofCode = (code: string): string => `--all --code ${code}`;

export const groupOf = (feed: string, code: string): string => `${ofCode(code)} --feed ${feed}`;
