/**
 * All bounds of the watcher's engine, with their reasons.
 */
export const limits = {
  /** Paths queued by events and not yet delivered. Beyond either bound, a scan is requested instead. */
  queuedPathsMax: 16_384,
  queuedBytesMax: 4 * 1024 * 1024,
  /** Single directories that wait for a scan. Beyond it the whole tree is scanned. */
  directoriesMax: 4_096,
  /** Paths in one delivery. */
  batchMax: 2_000,
  /**
   * Paths in one delivery with `everything`: objects of a batch survive young garbage collections, and V8 enlarges that
   * heap space with the batch.
   */
  batchOfEverything: 500,
  /**
   * The window of a scan, which collects paths and delivers them sorted: the size of its first window, of any window,
   * and the bytes of its paths.
   */
  windowFirst: 1_000,
  windowMax: 65_536,
  windowBytesMax: 1024 * 1024,
  /** The length of one slice of a scan; then the event loop continues. */
  sliceMs: 4,
  /** A path that is written to again and again is delivered about once in this time. */
  rewriteMs: 1_000,
  /** Paths remembered for that purpose. */
  rewritesMax: 4_096,
  /** The share of one core that periodic scans may use. */
  scanShare: 0.05,
  /**
   * A slowed scan rests after this much work. Resting costs CPU too (1,000,000 known files: 6.2 s, 3.6 s without any
   * rest).
   */
  paceBurstMs: 250,
  /** Default time between two scans, with events and without. */
  scanEveryMs: 300_000,
  pollEveryMs: 5_000,
  /** How often the engine checks that the root is still the same directory, and whether a missing root is back. */
  rootCheckMs: 2_000,
  /** The wait after a failed delivery, and after a failed directory or watch. */
  retryMs: 1_000,
  /** Failing directories that are emitted; beyond it they are only counted. */
  troublesMax: 1_000,
  /**
   * Directory entries read at once. Node keeps memory for so many until a closed directory is garbage-collected; 1,024
   * are not faster.
   */
  readAtOnce: 128,
} as const;

export const batchMaxOf = ({ everything }: { everything: boolean }): number =>
  everything ? limits.batchOfEverything : limits.batchMax;
