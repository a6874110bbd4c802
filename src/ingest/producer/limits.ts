/** Limits that keep a producer small, with the measurements. */
export const limits = {
  /** SQLite's page cache: with 32 MB, 300,000 names cost 45 MB more than 10,000 names; with this value 8 MB. */
  cacheKib: 4_096,
  /**
   * By default V8's young generation grows to 48 MB with the garbage of a scan, and its old generation (limit 4 GB) to 38 MB.
   * So 300,000 names of 200 bytes cost 30 MB more than 10,000; with these values 18 MB, at no measurable loss of speed. The most that
   * a producer needs (one listing of a filesystem that reports no file types) is far below the old generation's bound.
   */
  nodeFlags: ['--max-semi-space-size=2', '--max-old-space-size=512'],
} as const;
