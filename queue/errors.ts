/**
 * The errors of the queue: the state cannot be used. `exitCode` is the exit code for a command.
 * Does not: describe the failure of a job. That is a value (an outcome), never an error.
 */
import { constants } from 'node:os';

/** The state cannot be used as it is (exit code 3). A supervisor should not restart the process for it. */
export class QueueError extends Error {
  override readonly name: string = 'QueueError';
  readonly exitCode = 3;
  constructor(
    readonly code: QueueErrorCode,
    /** A whole sentence, with the next step. */
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * A transaction could not be written, and nothing of it exists. The state directory is a failing place; try again
 * later.
 */
export class StateUnwritable extends QueueError {
  override readonly name = 'StateUnwritable';
}

export type QueueErrorCode =
  | 'state_missing'
  | 'state_unusable'
  | 'state_of_others'
  | 'state_replaced'
  | 'state_foreign_clock'
  | 'state_not_a_database'
  | 'state_too_many_owners'
  | 'newer_database'
  | 'older_database'
  | 'state_full'
  | 'state_io';

const FULL = ['SQLITE_FULL'];
const IO = ['SQLITE_IOERR', 'SQLITE_CANTOPEN', 'SQLITE_READONLY', 'SQLITE_PERM', 'SQLITE_NOMEM'];
const NOT_OURS = ['SQLITE_CORRUPT', 'SQLITE_NOTADB'];

export const sqlCodeOf = (error: unknown): string => {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : '';
};

/** Only BUSY: LOCKED is a conflict inside one connection, which is a bug. */
export const isBusy = (error: unknown): boolean => sqlCodeOf(error).startsWith('SQLITE_BUSY');

/**
 * True for problems of the state itself, which are no bug and no failure of a job: disk full, I/O error, damaged file.
 */
export const isOfTheState = (error: unknown): boolean =>
  error instanceof QueueError || [...FULL, ...IO, ...NOT_OURS].some((family) => sqlCodeOf(error).startsWith(family));

/**
 * True if a write to a file beside the database met a full disk. Compared by number, because Node has no name for
 * EDQUOT.
 */
export const isFull = (error: unknown): boolean =>
  [constants.errno.ENOSPC, constants.errno.EDQUOT].includes(-((error as { errno?: number } | null)?.errno ?? 0));

export const stateFull = (path: string, cause: unknown): StateUnwritable =>
  new StateUnwritable('state_full', `The disk that holds ${path} is full: free some space there.`, { cause });

/** Converts an SQLite error into one of the errors above; returns any other error unchanged. */
export function typedSqlError(error: unknown, path: string): unknown {
  if (error instanceof QueueError) return error;
  const code = sqlCodeOf(error);
  const is = (family: string[]) => family.some((name) => code.startsWith(name));
  if (is(FULL)) return stateFull(path, error);
  if (is(IO)) {
    const text = (error as Error).message;
    return new StateUnwritable(
      'state_io',
      `${path} cannot be read or written (${code}: ${text}): check its disk, mount and permissions.`,
      {
        cause: error,
      },
    );
  }
  return isDamage(error) ? damaged(path, code, error) : error;
}

export const isDamage = (error: unknown): boolean => NOT_OURS.some((family) => sqlCodeOf(error).startsWith(family));

export const stateUnusable = (
  path: string,
  why: string,
  whatToDo = 'check its permissions and its mount',
): QueueError =>
  new QueueError(
    'state_unusable',
    `The state ${path} cannot be used (${why}): ${whatToDo}, or name another --state-path.`,
  );

export const stateOfOthers = (path: string): QueueError =>
  new QueueError(
    'state_of_others',
    `The state ${path} cannot be used (it is a database of another kind): name another --state-path.`,
  );

export const damaged = (path: string, why: string, cause?: unknown): QueueError =>
  new QueueError(
    'state_not_a_database',
    `${path} is damaged or no database (${why}): stop everything, put a backup in its place or leave it as it is, and run ingest-ctl rebuild with the options of all its feeds.`,
    { cause },
  );
