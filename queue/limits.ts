/** Every bound of the queue, with its reason. src/base/config/values/limits.ts holds those of the ingestor. */
export const limits = {
  /** Jobs a claim may take: 250 costs 29 % of the speed, 4,000 brings 2 %. */
  claimBatchMax: 1_000,
  /** The same where several feeds have had work lately: a file of one waits for a batch of another up to four times. */
  claimSharedMax: 128,
  /** For so long after a feed had work last. */
  sharedForMs: 10_000,
  /** Due jobs of a feed among which an order of its own holds: five full claims. A claim takes 10 ms longer by size, 25 by name. */
  orderWindow: 5_000,
  /** One claim in so many begins with the job that has been due longest. */
  oldestEvery: 4,
  /** The orders that feeds ask for are read again so often. */
  ordersKnownMs: 1_000,
  /** Jobs of a dispatcher's first batch; each may be twice as large as the one before: the first file is not behind a thousand. */
  firstBatchMax: 64,
  /** Bytes of the jobs of one claim, and of those that a settlement keeps, where a stage reads or copies them: a second or two. */
  claimBytesMax: 256 * 1_024 * 1_024,
  /** Waiting jobs woken in one transaction. */
  wakeBatch: 1_000,
  /** Candidates in one enqueue transaction. */
  enqueueBatchMax: 2_000,
  /** The same where others write too: a worker waits for it up to four times a batch, and 2,000 take 20 ms. */
  enqueueSharedMax: 250,
  /** Between two of those: longer than anybody waits before it tries again. */
  courtesyMs: 2,
  /** For so long after somebody else has written last. */
  courtesyForMs: 1_000,
  /** Characters of a payload's JSON. */
  payloadCharsMax: 262_144,
  /** Deaths of the process with the same job in hand, after which it is held as `poison`. */
  crashesMax: 5,
  /** Entries of a job's trail; beyond them the middle is folded into one. */
  trailMax: 48,
  /** First and longest delay between two attempts. */
  retryFirstMs: 500,
  retryLongestMs: 300_000,
  /** A random wait before BEGIN IMMEDIATE is tried again: SQLite's own busy wait starves (longest wait 3.8 s against 0.18 s). */
  busyRetryMs: [0.2, 1.2],
  /** The counters are kept as they were so often, where something was counted, and for so long: 720 rows of some KiB. */
  historyEveryMs: 10_000,
  historyKeptMs: 2 * 3_600_000,
  /** The figures of a feed are kept as they were so often, where they changed, and for a day and an hour: 1,500 rows a feed. */
  sampleEveryMs: 60_000,
  samplesKeptMs: 25 * 3_600_000,
  /** One sample in so long has the histogram of times too: it is as large as all the rest. */
  sampledTimesEveryMs: 600_000,
  /** The jobs that ended last are remembered: a screen shows ten, `/trace?n=` up to these. */
  endingsKept: 100,
  /** Reasons that a look tells apart, and jobs of one of them that it counts: beyond, "that many or more". */
  reasonsMax: 50,
  reasonJobsMax: 10_000,
  /** Living owners of one state. */
  ownersMax: 1_024,
  ownerSlotBytes: 512,
  /** Threads of one owner that have a job in hand at the same time, those that hang included; and the bytes of each. */
  handsMax: 64,
  handBytes: 32,
  /** How often a worker looks for dead owners. */
  rescueEveryMs: 250,
  /** How often each process writes its beat. */
  beatEveryMs: 1_000,
  /** A claim or a whole batch that failed: the next look is that much later. */
  failedTakeRetryMs: 1_000,
  /** First and longest wait before a settlement is tried again while the state cannot be written. */
  unwritableRetryMs: [250, 5_000],
  /** A timer for a job that is due in a week looks this often. */
  longestTimerMs: 60_000,
  /** The net below the doorbell. */
  dataVersionEveryMs: 1_000,
} as const;
