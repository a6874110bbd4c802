/** Every bound of a mirror, with its reason. */
export const limits = {
  /** Files copied at a time: mostly waiting for the disk to say that one is on it. */
  lanes: 16,
  /** Larger ones are copied beside everything else, so that nobody waits behind them. */
  largeBytes: 16 * 1_024 * 1_024,
  largeAtOnce: 2,
  /**
   * A file that changed so shortly before it is read could change again within the same tick of the kernel's clock (10 ms at
   * HZ=100) and look as before: it is let rest first.
   */
  restMs: 20,
  /** Copies of a file that changes under them, in one go; then it is tried again later. */
  copyTries: 3,
  /** First and longest wait before a path is tried again, and the tries that --once makes. */
  retryFirstMs: 200,
  retryLongestMs: 60_000,
  onceTries: 6,
  /** Paths that wait to be tried again; beyond them the whole tree is looked through instead. */
  retriesMax: 10_000,
  /** Named in the end. */
  namedMax: 100,
  /** How often a full or failing DEST, or a missing SOURCE, is asked whether it works again. */
  placeRetryMs: 2_000,
  /** Changes taken from the log at a time. */
  batchMax: 500,
  /** Events held until they are in the log; beyond them the watcher waits, within its own bound. */
  recordMax: 10_000,
  /** How long one half of a move waits for the other one before it is recorded. */
  pairMs: 50,
  /** Copies of which it is remembered what they hold. */
  knownCopiesMax: 50_000,
  /** By so much a time of a change may be older than the change: FAT rounds to 2 s, the kernel's clock stands for up to 10 ms. */
  clockMs: 2_000,
  /** Looks at a name of which nothing was told, each after twice the time of the one before: 6 s in all. */
  recheckTimes: 5,
  /** Default time between two looks at everything. */
  scanEveryMs: 300_000,
  pollEveryMs: 5_000,
  /** Names looked at before the event loop has its turn. */
  sliceNames: 256,
} as const;
