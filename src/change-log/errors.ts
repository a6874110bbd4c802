/**
 * The errors of a change log: an argument was refused, or the log cannot be used. The message is one sentence with the
 * next step.
 */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';

export type ChangeLogErrorCode =
  /** An argument breaks a rule: a bug of the caller. */
  | 'change_log_bad_value'
  /** The file cannot be created, opened or read, or it is not a change log. */
  | 'change_log_unusable'
  | 'change_log_on_network'
  | 'change_log_newer'
  | 'change_log_replaced'
  /** Nothing of this call was written; a later call may succeed. */
  | 'change_log_full'
  | 'change_log_io'
  /** Some changes after `seq` are no longer in the log, or it never gave this `seq`: it was made again or set back. */
  | 'change_log_gap'
  | 'change_log_unknown_consumer'
  /** The consumer lagged beyond the bound, and changes that it had not read are gone. */
  | 'change_log_lost_consumer'
  | 'change_log_closed';

export class ChangeLogError extends Error {
  override readonly name = 'ChangeLogError';
  /** The exit code for a command that cannot continue without the log. */
  readonly exitCode = 3;
  constructor(
    readonly code: ChangeLogErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const CODES: Record<string, ChangeLogErrorCode> = {
  state_full: 'change_log_full',
  state_io: 'change_log_io',
  state_replaced: 'change_log_replaced',
  newer_database: 'change_log_newer',
};

/** The queue's errors speak of a state and of its option. Here there is neither, so the message is replaced. */
export function asChangeLogError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || error instanceof ChangeLogError || error.name === 'AssertionError') return error;
  const { code } = error as { code?: unknown };
  const known = CODES[String(code)];
  if (known !== undefined) return new ChangeLogError(known, error.message, { cause: error });
  if (code === 'state_not_a_database') return unusable(path, 'it is damaged or no database', NEXT.damaged, error);
  if (typeof code !== 'string' || !/^(E[A-Z]+|state_\w+)$/.test(code)) return error;
  const isThere = existsSync(dirname(path));
  return unusable(path, reasonOf(error), isThere ? NEXT.refused : NEXT.noDirectory, error);
}

const NEXT = {
  damaged:
    'name another path, or move this file and those beside it (-wal, -shm) away; every consumer then starts from scratch',
  noDirectory: 'make its directory, or name another path',
  refused: 'name another path, or correct its permissions and those of its directory',
};

const unusable = (path: string, why: string, next: string, cause: Error): ChangeLogError =>
  new ChangeLogError('change_log_unusable', `The change log ${path} cannot be used (${why}): ${next}.`, { cause });

/** Returns the text in the parentheses of such a sentence, or the whole sentence. */
const reasonOf = ({ message }: Error): string => /\((.+)\)/.exec(message)?.[1] ?? message;
