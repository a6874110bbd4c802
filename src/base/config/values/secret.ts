/**
 * Secrets come from a file or a variable of the environment, never from a flag: a command line can be seen by everybody.
 * Guarantees: one that is short enough to be guessed is refused, and a file that other users may read or change.
 */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { EnvironmentError, OperatorError } from '../../errors.js';
import { limits } from './limits.js';

export interface SecretSource {
  /** The option that names a file; undefined value: the variable counts. */
  option: string;
  variable: string;
  /** Its name in sentences: `token`, `secret`. */
  what: string;
}

/** Undefined where neither is given. A file that is named and empty switches nothing off: it is too short. */
export function secretOf(
  { option, variable, what }: SecretSource,
  file: string | undefined,
  env: NodeJS.ProcessEnv,
): string | undefined {
  const secret = file === undefined ? env[variable] : textIn(option, file);
  if (secret === undefined || (secret === '' && file === undefined)) return undefined;
  const rule = `${limits.tokenCharsMin} to ${limits.tokenCharsMax} characters without blanks`;
  if (secret.length >= limits.tokenCharsMin && secret.length <= limits.tokenCharsMax && /^[!-~]+$/.test(secret))
    return secret;
  const origin = file === undefined ? variable : `the ${what} in ${file}`;
  throw new OperatorError(
    'bad_value',
    `${origin} must have ${rule}, but has ${secret.length}; make one with: openssl rand -hex 32.`,
  );
}

/** All permissions of the group and of others. */
const OF_OTHERS = 0o077;

function textIn(option: string, file: string): string {
  let fd: number | undefined;
  try {
    fd = openSync(file, 'r');
    refuseExposed(option, file, fstatSync(fd).mode);
    return readFileSync(fd, 'utf8').trim();
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new OperatorError(
      'token_unreadable',
      `--${option} must be a file that this user can read, but ${file} is not (${code}); check its path and permissions.`,
    );
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function refuseExposed(option: string, file: string, mode: number): void {
  if ((mode & OF_OTHERS) === 0) return;
  throw new EnvironmentError(
    'secret_exposed',
    `--${option} must be a file that its owner alone can read, but ${file} has the mode ${(mode & 0o777).toString(8).padStart(4, '0')}; run: chmod 600 ${file}.`,
  );
}
