/**
 * All bounds of the queue, with their reasons. The ingestor's bounds are in src/base/config/values/limits.ts.
 */
export const limits = {
  /** Jobs in one claim: 250 would cost 29 % of the speed, 4,000 would gain 2 %. */
  claimBatchMax: 1_000,
  /** The same if several feeds have had work lately: a file of one feed waits for up to four batches of another. */
  claimSharedMax: 128,
  /** A feed counts for that for this long after its last work. */
  sharedForMs: 10_000,
  /**
   * The number of due jobs of a feed within which its own order applies: five full claims. A claim takes 10 ms longer
   * by size, 25 ms by name.
   */
  orderWindow: 5_000,
  /** One claim in this many starts with the job that has been due longest. */
  oldestEvery: 4,
  /** How often the orders of the feeds are read again. */
  ordersKnownMs: 1_000,
  /**
   * Jobs in a dispatcher's first batch. Each later batch may be twice as large, so the first file does not wait for a
   * thousand others.
   */
  firstBatchMax: 64,
  /**
   * Bytes of one claim, and of the jobs that a settlement keeps, in stages that read or copy them: a second or two of
   * work.
   */
  claimBytesMax: 256 * 1_024 * 1_024,
  /** Waiting jobs woken in one transaction. */
  wakeBatch: 1_000,
  /** Candidates in one enqueue transaction. */
  enqueueBatchMax: 2_000,
  /**
   * The same if other processes write too: a worker waits for such a transaction up to four times in a batch, and 2,000
   * candidates take 20 ms.
   */
  enqueueSharedMax: 250,
  /** The pause between two of these transactions: longer than any process waits before it tries again. */
  courtesyMs: 2,
  /** Another process counts as writing for this long after its last write. */
  courtesyForMs: 1_000,
  /** Characters of a payload's JSON. */
  payloadCharsMax: 262_144,
  /** Deaths of a process while it works on the same job. At this number the job is held as `poison`. */
  crashesMax: 5,
  /** Entries of a job's trail. Beyond it, entries in the middle are merged into one. */
  trailMax: 48,
  /** First and longest delay between two attempts. */
  retryFirstMs: 500,
  retryLongestMs: 300_000,
  /**
   * The random wait before BEGIN IMMEDIATE is tried again. SQLite's own busy wait starves (longest wait 3.8 s, against
   * 0.18 s).
   */
  busyRetryMs: [0.2, 1.2],
  /** How often the counters are stored (only if something was counted), and for how long: a rate is that of a minute. */
  historyEveryMs: 10_000,
  historyKeptMs: 120_000,
  /** The figures of a feed are kept as they were so often, where they changed, and for a day and an hour: 1,500 rows a feed. */
  sampleEveryMs: 60_000,
  samplesKeptMs: 25 * 3_600_000,
  /** One sample in so long has the histogram of times too: it is as large as all the rest. */
  sampledTimesEveryMs: 600_000,
  /** The number of ended jobs that are remembered: a page shows ten, `/trace?n=` up to this many. */
  endingsKept: 100,
  /** The most jobs that are counted for a reason; the count is then "this many or more". */
  reasonJobsMax: 10_000,
  /** Living owners of one state. */
  ownersMax: 1_024,
  ownerSlotBytes: 512,
  /**
   * Threads of one owner that have a job in progress at the same time, including those that hang; and the bytes of
   * each.
   */
  threadsMax: 64,
  threadSlotBytes: 32,
  /** How often a worker looks for dead owners. */
  rescueEveryMs: 250,
  /** How often each process writes its heartbeat. */
  beatEveryMs: 1_000,
  /** A slow stage waits so long at most for the others of its process before it takes a batch. */
  slowTurnMs: 5_000,
  /** The delay of the next take after a failed claim or batch. */
  failedTakeRetryMs: 1_000,
  /** First and longest wait before a settlement is tried again while the state cannot be written. */
  unwritableRetryMs: [250, 5_000],
  /** The longest timer. A job that is due in a week is checked this often. */
  longestTimerMs: 60_000,
  /** How often data_version is checked, in case a ring of the doorbell is missed. */
  dataVersionEveryMs: 1_000,
} as const;
