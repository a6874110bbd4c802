/** Every bound of alarms, with its reason. */
export const limits = {
  /** V8's heap: what is told is bounded, so it needs little. */
  nodeFlags: ['--max-semi-space-size=2', '--max-old-space-size=128'],
  cacheKib: 1_024,
  /** Trouble that comes and goes between two looks is not reported. */
  lookEveryMs: 2_000,
  /** Longer ago than this, a look speaks of what may be over. */
  staleLookMs: 30_000,
  /** What comes together is told together, and then not again before this. */
  collectMs: 3_000,
  messageEveryMs: 10_000,
  alarmsPerMessage: 100,
  /** Sentences that `text` has, and characters of each. */
  textLinesMax: 10,
  sentenceCharsMax: 1_000,
  /** Troubles of that many kinds at a time; one more would be no news. */
  openMax: 1_000,
  /** Alarms that are over and not told yet; beyond them the oldest are given up, and counted. */
  endedKept: 10_000,
  /**
   * Gone for so long it is over: longer than a failing place is on trial; and of what is known only while its producer lives,
   * longer than that takes to start again.
   */
  absentMs: 5_000,
  absentOfProducerMs: 60_000,
  /** A process that is restarted, or a whole start, is no alarm. */
  processGraceMs: 60_000,
  /** A trouble that has grown by less than twice is reported again after this; one that has doubled at once. */
  growAgainMs: 3_600_000,
  /** So long after the last one, lost processes and overflows are over. */
  quietMs: 600_000,
  /** How long a receiver may take. */
  webhookMs: 10_000,
  commandMs: 30_000,
  /** First and longest wait before a receiver that failed is tried again. */
  retryFirstMs: 2_000,
  retryLongestMs: 60_000,
  /** What is left to be told when everything ends. */
  drainMs: 5_000,
  /** So much is kept of what a receiver answers or a command prints. */
  answerCharsMax: 300,
} as const;
