/** Every bound of the library, with its reason; the engine has its own. */
export const limits = {
  /** Rows of the picture that are read at once. */
  pageMax: 500,
  /** Paths told a moment ago; beyond them the eldest may be told again too early. */
  windowsMax: 65_536,
  /** Names of one inode that are asked whether they are its former one. */
  twinsMax: 8,
  /** Removed names of files that live on under others, and may still be written through the removed one. */
  removedMax: 4_096,
  /** A name that is gone may turn up as another one: both halves of a rename are queued together, or nearly so. */
  renameMs: 10,
  /** A full buffer of which nobody takes anything for so long is an overflow. */
  patienceMs: 250,
  /** Paths that could not be looked at and are told; beyond them they are only tried again. */
  failuresMax: 1_000,
  /** Of the option: so many events take some hundreds of megabytes. */
  bufferMax: 1_000_000,
  /** A longer time ends at once, in Node's timers. */
  timerMsMax: 2 ** 31 - 1,
} as const;
