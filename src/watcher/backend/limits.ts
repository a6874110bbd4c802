/** Every bound of the watcher, with its reason. */
export const limits = {
  /** Paths marked by events and not yet handed on; beyond either bound a scan is marked instead. */
  queuedPathsMax: 16_384,
  queuedBytesMax: 4 * 1024 * 1024,
  /** Single directories waiting for a scan; beyond them the whole tree is scanned. */
  directoriesMax: 4_096,
  /** Paths in one hand-over. */
  batchMax: 2_000,
  /** Where everything is told: what is at work lives through collections of young garbage, and V8's room for that grows with it. */
  batchOfEverything: 500,
  /** Paths that a scan collects before it hands them on in order, of its first window and of any, and their length together. */
  windowFirst: 1_000,
  windowMax: 65_536,
  windowBytesMax: 1024 * 1024,
  /** A reading slice of a scan, after which the event loop has its turn. */
  sliceMs: 4,
  /** A path that is written to again and again is handed on about once in this time. */
  rewriteMs: 1_000,
  /** Paths remembered for that. */
  rewritesMax: 4_096,
  /** Share of one core that periodic scans may take. */
  scanShare: 0.05,
  /** A paced scan rests after so much work: the rests cost CPU too (1,000,000 known files: 6.2 s, 3.6 without any). */
  paceBurstMs: 250,
  /** Default time between two scans, with events and without. */
  scanEveryMs: 300_000,
  pollEveryMs: 5_000,
  /** How often it is asked whether the root is still the directory that it was, and whether a failing one is back. */
  rootCheckMs: 2_000,
  /** After a hand-over that failed, and after a directory or watch that failed. */
  retryMs: 1_000,
  /** Directories told as failing; beyond them they are only counted. */
  troublesMax: 1_000,
  /** Directory entries that are read at once. Node keeps room for so many until a closed directory is collected; 1,024 are no faster. */
  readAtOnce: 128,
} as const;

export const batchMaxOf = ({ everything }: { everything: boolean }): number =>
  everything ? limits.batchOfEverything : limits.batchMax;
