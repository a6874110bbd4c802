/** What the library rejects with and tells. Each message is a sentence with the place, what failed and what to do. */

/** Something went wrong with one path. Told by the event `error` where it heals by itself when its cause goes. */
export class WatcherError extends Error {
  override readonly name = 'WatcherError';
  constructor(
    /** What was being done: `watch`, `read`, `add_watch`, `events`, `deliver`, `state`, `options`, … */
    readonly op: string,
    /** The path that the error is about; '' when it is about none. Bytes that are not UTF-8 are shown as U+FFFD. */
    readonly path: string,
    /** As the system spells it (`ENOSPC`, `EACCES`), or a word of this library (`UNMOUNTED`, `STATE_IN_USE`). */
    readonly code: string,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** The watcher was stopped: nothing can be watched with it any more. */
export class WatcherStoppedError extends Error {
  override readonly name = 'WatcherStoppedError';
  readonly code = 'WATCHER_STOPPED';
  constructor() {
    super('The watcher was stopped, and a stopped watcher stays so: make a new one with createWatcher.');
  }
}
