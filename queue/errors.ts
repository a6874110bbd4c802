/**
 * What the queue tells its caller when the state cannot be used. `exitCode` is what a command should end with.
 * Does not: describe the failure of a job; that is a value (an outcome), never an error.
 */
import { constants } from 'node:os';

/** The state cannot be used as it is (exit code 3): a supervisor should not restart the process for it. */
export class QueueError extends Error {
  override readonly name: string = 'QueueError';
  readonly exitCode = 3;
  constructor(
    readonly code: QueueErrorCode,
    /** A whole sentence, with what to do next. */
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A transaction could not be written: nothing of it exists. The state directory is a failing place; try again later. */
export class StateUnwritable extends QueueError {
  override readonly name = 'StateUnwritable';
}

export type QueueErrorCode =
  | 'state_missing'
  | 'state_unusable'
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

/** BUSY only: LOCKED is a conflict inside one connection, which is a bug. */
export const isBusy = (error: unknown): boolean => sqlCodeOf(error).startsWith('SQLITE_BUSY');

/** Nobody's bug and no job's failure: disk full, I/O error, damaged file. */
export const isOfTheState = (error: unknown): boolean =>
  error instanceof QueueError || [...FULL, ...IO, ...NOT_OURS].some((family) => sqlCodeOf(error).startsWith(family));

/** Whether a write to a companion of the database met a full disk. By number: Node has no name for EDQUOT. */
export const isFull = (error: unknown): boolean =>
  [constants.errno.ENOSPC, constants.errno.EDQUOT].includes(-((error as { errno?: number } | null)?.errno ?? 0));

export const stateFull = (path: string, cause: unknown): StateUnwritable =>
  new StateUnwritable('state_full', `The disk that holds ${path} is full: free some space there.`, { cause });

/** Gives an SQLite error its place in the list above; any other error is answered as it is. */
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

export const damaged = (path: string, why: string, cause?: unknown): QueueError =>
  new QueueError(
    'state_not_a_database',
    `${path} is damaged or no database (${why}): stop everything, put a backup in its place or leave it as it is, and run ingest-ctl rebuild with the options of all its feeds.`,
    { cause },
  );
