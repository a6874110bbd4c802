/**
 * The errors of the library: rejections and `error` events. Each message is a sentence with the path, what failed and
 * what to do.
 */

/** The operation that failed. docs/watcher.md has what each one means. */
export type WatcherOperation =
  /** `createWatcher` throws with the first one, `watch` rejects with the others. */
  | 'options'
  | 'watch'
  | 'state'
  /** The events `error` and `recovered` have these. */
  | 'root'
  | 'read'
  | 'stat'
  | 'add_watch'
  | 'events'
  | 'deliver'
  | 'internal';

/** Something is wrong with one path. It is emitted as `error` if it heals by itself when its cause is gone. */
export class WatcherError extends Error {
  override readonly name = 'WatcherError';
  constructor(
    /** The operation that failed: `options`, `watch`, `state`, `root`, `read`, … */
    readonly op: WatcherOperation,
    /** The path concerned; '' if there is none. Bytes that are not UTF-8 are shown as U+FFFD. */
    readonly path: string,
    /**
     * An error code of the system (`ENOSPC`, `EACCES`), of SQLite (`SQLITE_FULL`), or of this library (`UNMOUNTED`,
     * `STATE_IN_USE`). The first two are no closed list, so the type is text.
     */
    readonly code: string,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** The watcher was stopped and cannot watch anything any more. */
export class WatcherStoppedError extends Error {
  override readonly name = 'WatcherStoppedError';
  readonly code = 'WATCHER_STOPPED';
  constructor() {
    super('The watcher was stopped, and a stopped watcher stays so: make a new one with createWatcher.');
  }
}
