/**
 * The words of the watcher: what it is told, what it hands on, and what it tells.
 * Paths are relative to the root, as bytes, without a leading `./`; the root itself is ''.
 */
import type { ByteName } from '../../linux/names.js';

/**
 * What last brought a path: a rename into place, a write (or change of attributes) in place, or a scan that met it or
 * (`sidecar`) another name that speaks of it.
 */
export type Cause = 'rename' | 'write' | 'scan' | 'sidecar';

/**
 * What brings a path besides where everything is told: the name was made (of a new file, or as a further one of another), was
 * removed, renamed away, or had its attributes changed; or the file was written as well as renamed (to this name, or away from
 * it) or removed.
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

/** What a scan has read since the last hand-over. */
export interface ScanStep {
  cause: ScanCause;
  /** Directories that were read to their end. Some of what they hold may be handed on later. */
  listed: readonly ByteName[];
  /** All that the scan met is handed on with this step. */
  done: boolean;
}

/** Why a scan runs. `new` and `retry` are scans of single directories, the others of the whole tree. */
export type ScanCause = 'start' | 'overflow' | 'periodic' | 'marks_full' | 'root_changed' | 'asked' | 'new' | 'retry';

export type FileKind = 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'device' | 'unknown';

/** The root, open for the length of a hand-over: everything below it is looked up relative to this descriptor. */
export interface OpenRoot {
  readonly fd: number;
}

export interface EngineOptions<By = Cause> {
  /** Absolute path of the directory, as its bytes. */
  root: ByteName;
  /** False: only the names directly in the root. */
  recursive: boolean;
  /** True: never inotify. Chosen by itself where the filesystem cannot tell events (NFS, SMB, 9p, FUSE). */
  poll: boolean;
  /** Default: 300,000 with events, 5,000 without. */
  scanEveryMs?: number;
  /**
   * True: directories and special files are handed on too, so are paths that were removed, renamed away, written to
   * while they stay open, or had their attributes changed; nothing is held back; every step of a scan is handed on.
   */
  everything: boolean;
  /**
   * Which path is marked when `path` is met: itself, another one (its data file), or none. Asked of directories with
   * `everything` alone.
   */
  target(path: ByteName, isDirectory: boolean): ByteName | undefined;
  /** Whether a directory is watched and scanned. */
  enters(path: ByteName): boolean;
  /**
   * Takes the marked paths on, one call at a time. They are hints: a path may be gone, or of any kind.
   * When it rejects, the same marks come again later; `step` does not.
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
  /** The kernel dropped events; a scan follows. `total` since the start. */
  | { event: 'overflow'; total: number }
  | ({ event: 'scan_done'; cause: ScanCause; seconds: number } & ScanCounts)
  /** More paths were marked than the set holds; a scan follows. */
  | { event: 'marks_full' }
  /** Events are not used: asked for, the filesystem cannot, or no inotify instance is to be had (`code`). */
  | { event: 'polling'; why: 'asked' | 'filesystem' | 'no_inotify'; code?: string }
  | { event: 'events_back' }
  /** The watch limit is reached: the directories without a watch are scanned every few seconds. Told once. */
  | { event: 'watch_limit'; path: ByteName; code: string }
  | { event: 'watch_limit_over' }
  /** The root cannot be read. `unmounted`: it was a mount point and is none now, so what lies there is not the input. */
  | { event: 'root_missing'; code: string }
  | { event: 'root_back' }
  | { event: 'root_replaced' }
  /** A directory below the root cannot be read; tried again every scan. */
  | { event: 'directory_failed'; path: ByteName; code: string }
  | { event: 'directory_back'; path: ByteName }
  /** A filesystem is mounted below the root; it is scanned too. */
  | { event: 'submount'; path: ByteName; device: string }
  /** `deliver` rejected: its marks are kept and offered again. Told once. */
  | { event: 'delivery_failing'; error: unknown }
  | { event: 'delivery_back' };
