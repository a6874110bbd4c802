/**
 * `atomic-ingestor/watcher`: the changes of a directory tree, as events that are never lost. docs/watcher.md explains
 * how to use it.
 */
export {
  type Change,
  type ChangeLog,
  ChangeLogError,
  type ChangeLogErrorCode,
  type ChangeLogOptions,
  type Consumer,
  createChangeLog,
  type NewChange,
  type Operation,
  type Registered,
} from '../change-log/index.js';
export type { FileKind, ScanCause } from './backend/types.js';
export { WatcherError, type WatcherOperation, WatcherStoppedError } from './options/errors.js';
export { profiles } from './options/options.js';
export type {
  BackendName,
  Overflow,
  ScanDone,
  WatchEvent,
  WatcherEvents,
  WatcherLogger,
  WatcherOptions,
} from './options/types.js';
export { createWatcher, type Watcher } from './watcher.js';
