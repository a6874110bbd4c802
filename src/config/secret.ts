/**
 * Secrets come from a file or a variable of the environment, never from a flag: a command line can be seen by everybody.
 * Guarantees: one that is short enough to be guessed is refused.
 */
import { readFileSync } from 'node:fs';
import { OperatorError } from '../errors.js';
import { limits } from './limits.js';

export interface SecretSource {
  /** The option that names a file; undefined value: the variable counts. */
  option: string;
  variable: string;
  /** What it is called in sentences: `token`, `secret`. */
  what: string;
}

/** Undefined where neither is given. */
export function secretOf(
  { option, variable, what }: SecretSource,
  file: string | undefined,
  env: NodeJS.ProcessEnv,
): string | undefined {
  const secret = file === undefined ? env[variable] : textIn(option, file);
  if (secret === undefined || secret === '') return undefined;
  const rule = `${limits.tokenCharsMin} to ${limits.tokenCharsMax} characters without blanks`;
  if (secret.length >= limits.tokenCharsMin && secret.length <= limits.tokenCharsMax && /^[!-~]+$/.test(secret))
    return secret;
  const origin = file === undefined ? variable : `the ${what} in ${file}`;
  throw new OperatorError(
    'bad_value',
    `${origin} must have ${rule}, but has ${secret.length}; make one with: openssl rand -hex 32.`,
  );
}

function textIn(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new OperatorError(
      'token_unreadable',
      `--${option} must be a file that this user can read, but ${file} is not (${code}); check its path and permissions.`,
    );
  }
}
