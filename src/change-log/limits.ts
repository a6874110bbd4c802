/** Every bound of a change log. */
export const limits = {
  /** A path of Linux has at most 4,095 bytes; a key may be something else. */
  keyBytesMax: 8_192,
  /** A `renameId`, and a consumer's name. */
  nameCharsMax: 200,
  /** In one `record`: some 100 ms of one transaction, for which everybody else waits. */
  recordMax: 20_000,
  /** What `since` answers at most, and without being told. */
  sinceMax: 100_000,
  sinceDefault: 1_000,
  consumersMax: 100,
  /** Keys kept for consumers that have not acknowledged them: some 150 MB of paths. */
  entriesMax: 1_000_000,
  /** Removed in one transaction; the rest goes with the next ones. */
  removeAtOnce: 10_000,
  /** The bound of entries is looked at once in so many records. */
  boundEvery: 1_000,
} as const;
