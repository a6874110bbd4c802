/** The words of the library: what a watcher is given, and what it tells. */
import type { FileKind, ScanCause } from '../backend/types.js';
import type { WatcherError } from './errors.js';

/** The shape that bunyan and pino have. */
export interface WatcherLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type BackendName = 'inotify' | 'node' | 'poll';

export interface WatcherOptions {
  /** A path is told at once, then not again for so long; what it is at the end of that time is told. Default 100, at most 2^31 - 1. */
  debounceMs?: number;
  /** Events that nobody has taken yet. Beyond them: one `overflow`, and a scan when there is room again. Default 100, at most 1,000,000. */
  bufferMax?: number;
  /**
   * Globs of what is neither told nor entered. Without a slash they are about the last part of a path, with one about the
   * whole path below the root. One that can match no such path (`/x`, `x/`, `../x`) is refused.
   */
  ignore?: string[];
  /** Where given, only files (and all else but directories) that match one of these globs are told. */
  include?: string[];
  /** True: names that begin with a dot are told and entered. Default false. */
  hidden?: boolean;
  /** Endings of names that are not told: notes beside a file. Default `.metadata.json`. */
  metadataSuffixes?: string[];
  /** Endings of names that are not told: files that are not whole yet. Default `.tmp` and `~`. */
  tempSuffixes?: string[];
  /** False: only what lies directly in a root. Default true. */
  recursive?: boolean;
  /** The same as `backend: 'poll'`. */
  poll?: boolean;
  /** Default: inotify on Linux, else `fs.watch` as hints. On a filesystem that tells no events, scans alone. */
  backend?: BackendName;
  /** Time between two scans of the whole tree; 0: none. Default 300,000 with inotify, 5,000 without; at most 2^31 - 1. */
  rescanMs?: number;
  /** True: what lies there at the start is told too, as put, cause `scan`. Default false. */
  initial?: boolean;
  /** Its abort is `stop()`. */
  signal?: AbortSignal;
  /** What it throws is warned of once, by Node's `warning`; nothing else follows from it. */
  logger?: WatcherLogger;
  /**
   * A file of its own (SQLite): what was told is kept there, and what changed while nobody watched is told at the next start.
   * With other options of what is told, what is told no more is forgotten then, and what is new to them is told as put.
   * Inside a watched tree its files are never told.
   */
  statePath?: string;
}

export interface WatchEvent {
  /** Absolute. Bytes that are not UTF-8 are shown as U+FFFD: use `pathBytes` to find such a file. */
  path: string;
  /** Absolute, exact. */
  pathBytes: Buffer;
  /** `put`: what lies there now is new, replaced or changed. `delete`: nothing lies there any more. */
  operation: 'put' | 'delete';
  /** When it was seen. */
  timestamp: Date;
  /** The kind of what lies there, or lay there. */
  kind: FileKind;
  /** How it was noticed: at once, by a scan, or by the scan that follows lost events. */
  cause: 'event' | 'scan' | 'overflow';
  /** The same on the delete of the old name and the put of the new one. */
  renameId?: string;
}

/** Events were lost, by the kernel, by too many marked paths, or by a consumer that took none: a scan follows. */
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

export interface WatcherEvents {
  event: [WatchEvent];
  overflow: [Overflow];
  /** Told once; `recovered` follows with the same error when its cause is gone. Never thrown when nobody listens. */
  error: [WatcherError];
  recovered: [WatcherError];
  scan: [ScanDone];
}
