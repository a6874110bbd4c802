/** What keeps a producer small, with the measurements behind it. */
export const limits = {
  /** SQLite's page cache: with the queue's own 32 MB, 300,000 names cost 45 MB more than 10,000; with this 8 MB. */
  cacheKib: 4_096,
  /** V8's young generation grows to 48 MB with the garbage of a scan, for no speed that could be measured. */
  nodeFlags: ['--max-semi-space-size=2'],
} as const;
