/** Every bound of alarms, with its reason. */
export const limits = {
  /** V8's heap. Messages are bounded, so it needs little. */
  nodeFlags: ['--max-semi-space-size=2', '--max-old-space-size=128'],
  cacheKib: 1_024,
  /** Trouble that begins and ends between two checks is not reported. */
  lookEveryMs: 2_000,
  /** The result of a check older than this may be over. */
  staleLookMs: 30_000,
  /** The shortest time between two messages to a receiver. Changes in that time are sent together. */
  collectMs: 3_000,
  messageEveryMs: 10_000,
  alarmsPerMessage: 100,
  /** The number of sentences in `text`, and the characters of each. */
  textLinesMax: 10,
  sentenceCharsMax: 1_000,
  /** The number of troubles at a time. One more would not be news. */
  openMax: 1_000,
  /** Alarms that are over and not sent yet. Beyond this number the oldest are removed and counted. */
  endedKept: 10_000,
  /**
   * A trouble is over when no check found it for so long. This is longer than the trial of a failing place, and longer than a
   * restart of the producer, without which some troubles are not known.
   */
  absentMs: 5_000,
  absentOfProducerMs: 60_000,
  /** A restarted process, or a start of the service, is not an alarm. */
  processGraceMs: 60_000,
  /** A trouble that has grown is reported again after this time, and at once if it has doubled. */
  growAgainMs: 3_600_000,
  /** A count that was lower for so long is the one that the next growth is compared with. */
  fewerAfterMs: 60_000,
  /** Lost processes and overflows are over so long after the last one. */
  quietMs: 600_000,
  /** The time limit of a receiver. */
  webhookMs: 10_000,
  commandMs: 30_000,
  /** The first and the longest wait before a failed receiver is tried again. */
  retryFirstMs: 2_000,
  retryLongestMs: 60_000,
  /** The time for the last messages when everything ends. */
  drainMs: 5_000,
  /** Characters kept of a receiver's answer or a command's output. */
  answerCharsMax: 300,
} as const;
