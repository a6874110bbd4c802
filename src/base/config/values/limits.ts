/**
 * The bounds of options that more than one place asks for; the others stand in schema.ts. queue/limits.ts holds those of the queue; a
 * period or batch of one part stands in that part.
 * Does not: decide anything; the schema refuses what lies outside, with a sentence.
 */
export const limits = {
  /** Beyond it a number of bytes is no longer exact in JSON. */
  byteCountMax: Number.MAX_SAFE_INTEGER,
  sidecarSuffixBytesMax: 32,
  globBytesMax: 1_024,
  globsMax: 100,
  /** Expectations of one feed; each is checked every few seconds. */
  expectationsMax: 50,
  /** A year and a day: what comes less often needs a person. */
  expectedEveryMsMax: 366 * 86_400_000,
  feedsMax: 100,
  feedNameCharsMax: 64,
  processesMax: 256,
  stallSecondsMax: 86_400,
  /** A hundred years: what is kept longer is kept for ever. */
  keepMsMax: 36_500 * 86_400_000,
  /** The dashboard's token and the secret of a webhook: a shorter one can be guessed, and a header is bounded. */
  tokenCharsMin: 16,
  tokenCharsMax: 1_024,
  dashboardHostsMax: 32,
  /** --notify-command with its arguments, and --notify-webhook. */
  notifyCharsMax: 2_000,
  /** A configuration file is small; a larger one was named by mistake. */
  configFileBytesMax: 1_048_576,
  /** Outputs of one file: each has a row and a file of its own. */
  outputs: 100,
  outputsMax: 1_000,
  /** A record is in memory as a whole, and again as text. */
  recordBytes: 16_777_216,
  recordBytesMax: 268_435_456,
  stuckSeconds: 60,
  memoryBytes: 536_870_912,
  /** Measured: a module that changes records of 15 MiB takes 221 MB, one with small records 136 MB. */
  memoryBytesMin: 268_435_456,
  /** A child that dies this often in a row without having got ready is not started again. */
  startFailuresMax: 5,
  /** First and longest delay before a child that died is started again. */
  restartFirstMs: 100,
  restartLongestMs: 10_000,
  /** How often a drain that does not end says who is not ending. */
  drainReportMs: 5_000,
  /** A child that starts has at least this time until it is ready, however short --stall-seconds is. */
  startLongestMs: 15_000,
  /** The time that a child has to end after its role has returned, or after SIGKILL. */
  exitGraceMs: 2_000,
  /** Processes that SIGKILL did not end, beside each child that replaces them. Each keeps its memory. */
  unkillableMax: 4,
  /** The time that a child has to clear its slot after the second signal. */
  stopGraceMs: 300,
  /** How long a worker waits for the state that a producer is about to make. */
  stateWaitMs: 30_000,
} as const;
