/** What keeps a producer small, with the measurements behind it. */
export const limits = {
  /** SQLite's page cache: with 32 MB, 300,000 names cost 45 MB more than 10,000; with this 8 MB. */
  cacheKib: 4_096,
  /**
   * V8's young generation grows to 48 MB with the garbage of a scan, and its old one to 38 MB where it may become 4 GB:
   * 300,000 names of 200 bytes cost 30 MB more than 10,000, with these 18, for no speed that could be measured. What a
   * producer holds at most (one listing of a filesystem that tells no kinds) is far below the larger bound.
   */
  nodeFlags: ['--max-semi-space-size=2', '--max-old-space-size=512'],
} as const;
