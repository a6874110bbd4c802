/**
 * All bounds of a change log.
 */
export const limits = {
  /** A Linux path has at most 4,095 bytes; a key may be something else. */
  keyBytesMax: 8_192,
  /** For a `renameId` and for the name of a consumer. */
  nameCharsMax: 200,
  /** Changes in one `record`: about 100 ms of one transaction, for which all others wait. */
  recordMax: 20_000,
  /** The largest and the default number of changes that `since` returns. */
  sinceMax: 100_000,
  sinceDefault: 1_000,
  consumersMax: 100,
  /** Keys kept for consumers that have not acknowledged them: about 150 MB of paths. */
  entriesMax: 1_000_000,
  /** Rows removed in one transaction; the next transactions remove the rest. */
  removeAtOnce: 10_000,
  /** The bound of entries is checked once per this many records. */
  boundEvery: 1_000,
} as const;
