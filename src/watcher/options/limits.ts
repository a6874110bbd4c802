/**
 * All bounds of the library, with their reasons. The engine has its own.
 */
export const limits = {
  /** Rows of the delivered tree that are read at once. */
  pageMax: 500,
  /** Paths with an open debounce window. Beyond it the oldest window ends early. */
  windowsMax: 65_536,
  /** Names of one inode that are checked as its possible former name. */
  twinsMax: 8,
  /** Removed names of files that live on under other names, and may still be written through the removed one. */
  removedMax: 4_096,
  /**
   * How long a name that is gone may wait for its new name: both halves of a rename are queued together, or nearly so.
   */
  renameMs: 10,
  /** A buffer that stays full for this long, while nobody takes an event, is an overflow. */
  patienceMs: 250,
  /** Paths that could not be checked and are emitted as errors. Beyond it they are only tried again. */
  failuresMax: 1_000,
  /** The largest value of the option `bufferMax`: so many events take some hundreds of megabytes. */
  bufferMax: 1_000_000,
} as const;
