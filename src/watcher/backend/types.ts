/**
 * The types of the engine: its input, the paths it delivers, and the events it emits. Paths are relative to the root,
 * as bytes, without a leading `./`; the root itself is ''.
 */
import type { ByteName } from '../../linux/names.js';

/**
 * The last reason why a path is delivered. `rename`: it was renamed into place. `write`: it was written, or its
 * attributes changed. `scan`: a scan found it. `sidecar`: a scan found another name that points to it.
 */
export type Cause = 'rename' | 'write' | 'scan' | 'sidecar';

/**
 * Further reasons, only with `everything`. `created`: the name was created (for a new file, or as another name of a
 * file). `delete`, `moved`: it was removed or renamed away. `attributes`: only its attributes changed. `written_…`: the
 * file was written, and also renamed to this name, renamed away from it, or removed.
 */
export type Hint =
  | Cause
  | 'created'
  | 'delete'
  | 'moved'
  | 'attributes'
  | 'written_renamed'
  | 'written_moved'
  | 'written_deleted';

export interface QueuedPath<By = Cause> {
  path: ByteName;
  by: By;
}

/** The progress of a scan since the last delivery. */
export interface ScanStep {
  cause: ScanCause;
  /** Directories that were read completely. Some of their content may be delivered later. */
  listed: readonly ByteName[];
  /** True: everything that the scan found is delivered with this step. */
  done: boolean;
}

/** Why a scan runs. `new` and `retry` scan single directories, the others the whole tree. */
export type ScanCause = 'start' | 'overflow' | 'periodic' | 'marks_full' | 'root_changed' | 'asked' | 'new' | 'retry';

/** `unknown`: a kind that the system does not name. */
export type FileKind = 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'device' | 'unknown';

/** The root, open during one delivery. Everything below it is opened relative to this descriptor. */
export interface OpenRoot {
  readonly fd: number;
}

export interface EngineOptions<By = Cause> {
  /** Absolute path of the directory, as its bytes. */
  root: ByteName;
  /** False: only the names directly in the root. */
  recursive: boolean;
  /** True: never use inotify. Chosen automatically if the filesystem cannot report events (NFS, SMB, 9p, FUSE). */
  poll: boolean;
  /** Time between two scans of the whole tree, in ms. Default: 300,000 with events, 5,000 without. */
  scanEveryMs?: number;
  /**
   * True: also deliver directories and special files, and paths that were removed, renamed away, written to while open,
   * or had their attributes changed. Nothing is delayed, and every step of a scan is delivered.
   */
  everything: boolean;
  /**
   * Returns the path to queue when `path` is found: the path itself, another one (its data file), or none. Called for
   * directories only with `everything`.
   */
  target(path: ByteName, isDirectory: boolean): ByteName | undefined;
  /** True if a directory is watched and scanned. */
  enters(path: ByteName): boolean;
  /**
   * Receives the queued paths, one call at a time. They are hints: a path may be gone, or of any kind. If it rejects,
   * the same paths come again later; `step` does not.
   */
  deliver(marks: readonly QueuedPath<By>[], root: OpenRoot, step?: ScanStep): Promise<void>;
  emit(event: EngineEvent): void;
}

/** Counts of a finished scan of the whole tree. `others` are neither files nor directories. */
export interface ScanCounts {
  files: number;
  directories: number;
  others: Partial<Record<FileKind, number>>;
}

export type EngineEvent =
  /** The kernel dropped events; a scan follows. `total` counts since the start. */
  | { event: 'overflow'; total: number }
  | ({ event: 'scan_done'; cause: ScanCause; seconds: number } & ScanCounts)
  /** More paths were queued than the queue holds; a scan follows. */
  | { event: 'marks_full' }
  /**
   * Events are not used: polling was requested, the filesystem has no events, or no inotify instance is available
   * (`code`).
   */
  | { event: 'polling'; why: 'asked' | 'filesystem' | 'no_inotify'; code?: string }
  | { event: 'events_back' }
  /** A directory gets no watch; ENOSPC: the limit of watches is reached. Directories without a watch are scanned every few seconds. Emitted once. */
  | { event: 'watch_limit'; path: ByteName; code: string }
  | { event: 'watch_limit_over' }
  /**
   * The root cannot be read. `unmounted`: it was a mount point and is none now, so the directory there is not the
   * input.
   */
  | { event: 'root_missing'; code: string }
  | { event: 'root_back' }
  | { event: 'root_replaced' }
  /** A directory below the root cannot be read; it is tried again at every scan. */
  | { event: 'directory_failed'; path: ByteName; code: string }
  /** It can be read again, or it is gone. */
  | { event: 'directory_back'; path: ByteName }
  /** A filesystem is mounted below the root; it is scanned too. */
  | { event: 'submount'; path: ByteName; device: string }
  /** `deliver` rejected: its paths are kept and delivered again. Emitted once. */
  | { event: 'delivery_failing'; error: unknown }
  | { event: 'delivery_back' };
