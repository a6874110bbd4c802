/**
 * All bounds of a mirror, with their reasons.
 */
export const limits = {
  /** Files copied at a time. Most of that time is waiting for the disk to sync. */
  lanes: 16,
  /** Larger files are copied beside everything else, so that nothing waits for them. */
  largeBytes: 16 * 1_024 * 1_024,
  largeAtOnce: 2,
  /**
   * A file that changed less than this time ago could change again within the same tick of the kernel's clock (10 ms at
   * HZ=100) and look unchanged. So it rests first.
   */
  restMs: 20,
  /** Tries to copy a file that keeps changing, before it is tried again later. */
  copyTries: 3,
  /** First and longest wait before a path is tried again, and the number of tries with --once. */
  retryFirstMs: 200,
  retryLongestMs: 60_000,
  onceTries: 6,
  /** Paths that wait to be tried again. Beyond it the whole tree is scanned instead. */
  retriesMax: 10_000,
  /** Failed paths that are listed at the end. */
  namedMax: 100,
  /** How often a full or failing DEST, or a missing SOURCE, is tried again. */
  placeRetryMs: 2_000,
  /** Changes read from the log at a time. */
  batchMax: 500,
  /** Events in memory until they are in the log. Beyond it the watcher waits, within its own bound. */
  recordMax: 10_000,
  /** How long one half of a rename waits for the other before it is recorded. */
  pairMs: 50,
  /** Copies whose version is remembered. */
  knownCopiesMax: 50_000,
  /**
   * How much older than a change its recorded time may be: FAT rounds to 2 s, and the kernel's clock may lag by 10 ms.
   */
  clockMs: 2_000,
  /** Checks of a path that no event has explained. Each delay is twice the one before: 6 s in all. */
  recheckTimes: 5,
  /** Default time between two full scans. */
  scanEveryMs: 300_000,
  pollEveryMs: 5_000,
  /** Names checked before the event loop continues. */
  sliceNames: 256,
} as const;
