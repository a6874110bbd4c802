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
   * time is reported. Default 100, at
   * most 2,147,483,647.
   */
  debounceMs?: number | undefined;
  /**
   * The most events that wait to be taken. Beyond it: one `overflow`, and a scan when there is room again. Default 100,
   * at most 1,000,000.
   */
  bufferMax?: number | undefined;
  /**
   * Globs (picomatch) of paths that are neither reported nor entered. A glob without a slash is matched against the last
   * part of a path, one with a slash against the whole path below the root. A glob that cannot match any such path
   * (`/x`, `x/`, `../x`) is refused, and one with a `!` at its front. Default: none.
   */
  ignore?: readonly string[] | undefined;
  /**
   * Only files (and everything else except directories) that match one of these globs are reported. Default, also for an
   * empty list: all.
   */
  include?: readonly string[] | undefined;
  /** True: names that begin with a dot are reported and entered. Default false. */
  hidden?: boolean | undefined;
  /** Endings (no globs) of names that are not reported, for metadata beside a file. Default `.metadata.json`. */
  metadataSuffixes?: readonly string[] | undefined;
  /** Endings (no globs) of names that are not reported, for files that are not complete yet. Default `.tmp` and `~`. */
  tempSuffixes?: readonly string[] | undefined;
  /** False: only entries directly in a root. Default true. */
  recursive?: boolean | undefined;
  /** Same as `backend: 'poll'`. Default false. */
  poll?: boolean | undefined;
  /**
   * Default: `inotify` on Linux, otherwise `node` (`fs.watch` as hints). On a filesystem without events, only scans are
   * used.
   */
  backend?: BackendName | undefined;
  /**
   * Time in ms between two scans of the whole tree; 0: none. Default 300,000 with inotify, 5,000 without; at most
   * 2,147,483,647.
   */
  rescanMs?: number | undefined;
  /**
   * True: entries that exist at the start are reported too, as `put` with the cause `scan`. With `statePath`, only at the
   * first start; a report that was cut short is finished by the next one. Default false.
   */
  initial?: boolean | undefined;
  /** Aborting it calls `stop()`. */
  signal?: AbortSignal | undefined;
  /** If it throws, Node's `warning` reports that once; it has no other effect. */
  logger?: WatcherLogger | undefined;
  /**
   * The path of a state file (SQLite), which stores what was delivered. At the next start, changes that happened while
   * nobody watched are reported. If the filter options differ then, entries that they newly exclude are forgotten
   * silently, and entries that they newly include are reported as `put`. Inside a watched tree the state's own files
   * are never reported. Default: no state.
   */
  statePath?: string | undefined;
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

/** The events of a watcher, with the arguments of their listeners. */
export interface WatcherEvents {
  event: [WatchEvent];
  overflow: [Overflow];
  /** Emitted once; `recovered` follows with the same error when its cause is gone. Never thrown if nobody listens. */
  error: [WatcherError];
  recovered: [WatcherError];
  scan: [ScanDone];
}
