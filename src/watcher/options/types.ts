/**
 * The public types of the library: its options and its events.
 */
import type { FileKind, ScanCause } from '../backend/types.js';
import type { WatcherError } from './errors.js';

/** Same shape as the loggers of bunyan and pino. */
export interface WatcherLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type BackendName = 'inotify' | 'node' | 'poll';

export interface WatcherOptions {
  /**
   * Debounce time in ms. A path is reported at once, and then not again for this time; its state at the end of that
   * time is reported. Default 100, at most 2^31 - 1.
   */
  debounceMs?: number;
  /**
   * The most events that wait to be taken. Beyond it: one `overflow`, and a scan when there is room again. Default 100,
   * at most 1,000,000.
   */
  bufferMax?: number;
  /**
   * Globs of paths that are neither reported nor entered. A glob without a slash is matched against the last part of a
   * path, one with a slash against the whole path below the root. A glob that cannot match any such path (`/x`, `x/`,
   * `../x`) is refused. Default: none.
   */
  ignore?: string[];
  /** If given, only files (and everything else except directories) that match one of these globs are reported. */
  include?: string[];
  /** True: names that begin with a dot are reported and entered. Default false. */
  hidden?: boolean;
  /** Endings of names that are not reported, for metadata beside a file. Default `.metadata.json`. */
  metadataSuffixes?: string[];
  /** Endings of names that are not reported, for files that are not complete yet. Default `.tmp` and `~`. */
  tempSuffixes?: string[];
  /** False: only entries directly in a root. Default true. */
  recursive?: boolean;
  /** Same as `backend: 'poll'`. Default false. */
  poll?: boolean;
  /**
   * Default: `inotify` on Linux, otherwise `node` (`fs.watch` as hints). On a filesystem without events, only scans are
   * used.
   */
  backend?: BackendName;
  /**
   * Time in ms between two scans of the whole tree; 0: none. Default 300,000 with inotify, 5,000 without; at most 2^31
   * - 1.
   */
  rescanMs?: number;
  /**
   * True: entries that exist at the start are reported too, as `put` with the cause `scan`. With `statePath`, only at the
   * first start; a report that was cut short is finished by the next one. Default false.
   */
  initial?: boolean;
  /** Aborting it calls `stop()`. */
  signal?: AbortSignal;
  /** If it throws, Node's `warning` reports that once; it has no other effect. */
  logger?: WatcherLogger;
  /**
   * The path of a state file (SQLite), which stores what was delivered. At the next start, changes that happened while
   * nobody watched are reported. If the filter options differ then, entries that they newly exclude are forgotten
   * silently, and entries that they newly include are reported as `put`. Inside a watched tree the state's own files
   * are never reported. Default: no state.
   */
  statePath?: string;
}

export interface WatchEvent {
  /** Absolute path. Bytes that are not UTF-8 are shown as U+FFFD: use `pathBytes` to open such a file. */
  path: string;
  /** Absolute path, exact. */
  pathBytes: Buffer;
  /** `put`: the entry at the path is new, replaced or changed. `delete`: nothing is at the path any more. */
  operation: 'put' | 'delete';
  /** When the change was seen. */
  timestamp: Date;
  /** The kind of the entry; for a delete, its kind before. */
  kind: FileKind;
  /** How the change was found: by an event, by a scan, or by the scan after lost events. */
  cause: 'event' | 'scan' | 'overflow';
  /** Equal on the delete of the old name and the put of the new name. */
  renameId?: string;
}

/**
 * Events were lost: by the kernel, because too many paths were queued, or because the consumer took none. A scan
 * follows.
 */
export interface Overflow {
  root: string;
  reason: 'kernel' | 'marks' | 'buffer';
}

/** A scan of a whole tree has ended. */
export interface ScanDone {
  root: string;
  cause: ScanCause;
  files: number;
  directories: number;
  seconds: number;
}

/** The events of the EventEmitter, with their arguments. */
export interface WatcherEvents {
  event: [WatchEvent];
  overflow: [Overflow];
  /** Emitted once; `recovered` follows with the same error when its cause is gone. Never thrown if nobody listens. */
  error: [WatcherError];
  recovered: [WatcherError];
  scan: [ScanDone];
}
