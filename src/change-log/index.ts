/**
 * The public interface of the change log: a durable list of the keys that changed last, for many readers. It knows
 * nothing of files.
 */
export { createChangeLog } from './change-log.js';
export { ChangeLogError, type ChangeLogErrorCode } from './errors.js';
export type { Change, ChangeLog, ChangeLogOptions, Consumer, NewChange, Operation, Registered } from './types.js';
