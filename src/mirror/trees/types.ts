/**
 * The types of a mirror: its options, its state and its result, as the library has them. Inside the program the options are
 * checked already (`ReplicateOptions`), and paths are bytes.
 */
import type { Emit } from '../../base/telemetry/emit.js';
import type { WatcherLogger } from '../../watcher/index.js';

/** The shape that bunyan and pino have. */
export type MirrorLogger = WatcherLogger;

export interface MirrorOptions {
  /** A directory that exists. It is read only. */
  source: string;
  /** A directory that exists, outside of `source`. It is made like `source`. */
  dest: string;
  /** Only files that match one of these globs are copied. Everything else is left alone on both sides. */
  include?: readonly string[] | undefined;
  /** Globs of files and directories that are left alone on both sides: neither copied nor removed. */
  exclude?: readonly string[] | undefined;
  /** Removes from `dest` what `source` does not have. Default true. */
  delete?: boolean | undefined;
  /** Compares contents by SHA-256 instead of by size and mtime. Default false. */
  checksum?: boolean | undefined;
  /** Takes over a `dest` that has content of its own, or is the mirror of another `source`. Default false. */
  adopt?: boolean | undefined;
  /** Allows an empty `source` to empty `dest`. Default false: it is refused at the start, and waited for later. */
  allowEmptySource?: boolean | undefined;
  /** Ends after one scan of everything. Default false: goes on until it is stopped. */
  once?: boolean | undefined;
  /** Uses only scans, no events. Default false. */
  poll?: boolean | undefined;
  /** Time between two scans of everything. Default 300,000; 5,000 with `poll`; at most 2,147,483,647. */
  scanEveryMs?: number | undefined;
  /** The file of the change log, outside of both directories. Default: in the hidden folder of `dest`. */
  changeLog?: string | undefined;
  /** Its abort is `stop()`. */
  signal?: AbortSignal | undefined;
  /** A logger that throws loses its lines and nothing else. Node emits one `warning` then. */
  logger?: MirrorLogger | undefined;
}

/** The checked options: `source` and `dest` are absolute, real paths, and neither is inside the other. */
export interface ReplicateOptions extends Omit<MirrorOptions, 'signal' | 'logger'> {
  emit?: Emit | undefined;
}

/** Counts since the start. */
export interface MirrorTotals {
  /** Names in `source` that were compared. */
  files: number;
  copied: number;
  /** Bytes of the files that were copied. */
  bytes: number;
  /** Directories that were made. */
  made: number;
  moved: number;
  removed: number;
  /** Names of which only mode, owner or times were set. */
  touched: number;
  /** Scans of everything that have ended. */
  scans: number;
}

/** The files of SOURCE that are like their copies now. */
export interface Passed {
  files: number;
  bytes: number;
}

/** The current state of a running mirror. */
export interface MirrorStatus {
  totals: MirrorTotals;
  /**
   * Why nothing can be copied now: `source_missing`, `source_replaced`, `source_empty` or `dest_missing` while one of the
   * two is away, or a name of errno such as `ENOSPC` while `dest` cannot be written to. Undefined: nothing waits.
   */
  waiting: string | undefined;
  /** Paths that could not be mirrored; each is tried again. */
  unmirrored: number;
  /** Copies of large files that run beside everything else. */
  largeUnderWay: number;
  /** Changes that were recorded and are not applied yet. */
  behind: number;
}

export interface Unmirrored {
  /** Relative to both directories. Bytes that are not UTF-8 are shown as U+FFFD: use `pathBytes` to find such a file. */
  path: string;
  /** Relative to both directories, exact. */
  pathBytes: Buffer;
  /** A name of errno, `changing`, `folded`, `kept`, `too_large`, `mount_missing` or `overlap`. */
  code: string;
}

export interface MirrorResult {
  totals: MirrorTotals;
  /** The paths that are not like `source` at the end; at most 100 are named. */
  unmirrored: Unmirrored[];
  unmirroredCount: number;
}

export interface Mirroring {
  /**
   * Resolves after `stop`, or with `once` when everything that can be done is done. Rejects with a MirrorError when the mirror
   * cannot go on; await it, or handle its rejection.
   */
  readonly done: Promise<MirrorResult>;
  status(): MirrorStatus;
  /** How far a mirror with `once` is. */
  passed(): Passed;
  /** Finishes or undoes what is in progress, and returns `done`. May be called at any moment and more than once. */
  stop(): Promise<MirrorResult>;
}

export interface PlannedAct {
  act: 'copy' | 'make' | 'link' | 'attributes' | 'remove' | 'replace' | 'leave' | 'fail';
  /** Relative to both directories, as in `Unmirrored`. */
  path: string;
  pathBytes: Buffer;
  /** Bytes that would be copied. */
  bytes: number;
  /** The reason, as a few words. */
  why: string;
}

export const noTotals = (): MirrorTotals => ({
  files: 0,
  copied: 0,
  bytes: 0,
  made: 0,
  moved: 0,
  removed: 0,
  touched: 0,
  scans: 0,
});
