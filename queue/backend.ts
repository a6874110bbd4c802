/**
 * The interface of a queue backend, and what a backend needs from the system (`Host`). A job's key, identity and
 * payload are opaque here: the queue knows feeds, stages, due times and owners, but no files.
 * Guarantees of every backend (test/queue/conformance.ts runs them against each one):
 *  - a job is claimed by one owner at a time; a settlement counts only for that owner and that claim number;
 *  - the outcome of a settlement and the writes of its function through `Tx` are one transaction;
 *  - due times use the backend's own clock (boot time), never the wall clock.
 */
import type { ThreadJob } from './slot-text.js';
import type {
  AgedDepth,
  Counter,
  Depth,
  Duration,
  EndedPage,
  HeldFilter,
  HeldFor,
  HeldKey,
  Moment,
  Reason,
  Sample,
  StageStats,
  TimesSince,
} from './types/figures.js';
import type {
  Candidate,
  ClaimedJob,
  EnqueueAnswer,
  Holder,
  Job,
  JobId,
  OwnerId,
  Payload,
  StageName,
} from './types/job.js';
import type { OnStuck, OwnerStatus, Rescue } from './types/owner.js';
import type { Also, Outcome, SettleAnswer, Settlement } from './types/settlement.js';
import type { Gate, Reader, Tx } from './types/transaction.js';

export type * from './types/figures.js';
export type * from './types/host.js';
export type * from './types/job.js';
export type * from './types/owner.js';
export type * from './types/settlement.js';
export type * from './types/transaction.js';

/** A state, for readers: the calls that need no owner. */
export interface QueueView {
  /** Identifies this state permanently; the markers of the roots contain it. */
  readonly uuid: string;
  readonly stages: readonly StageName[];
  /** Boot-clock ms. */
  nowMs(): number;

  feeds(): { name: string; options: Payload }[];
  /** The options of one feed, by a cheap read. Undefined for a feed that is not known. */
  feedOptions(name: string): Payload | undefined;

  /** Read-only: the job that has each key, if any. Scans use it for known files: no write, no wait. */
  holders(feed: string, keys: readonly Buffer[]): (Holder | undefined)[];
  /** A short read transaction; `fn` copies the rows that it needs. */
  read<T>(fn: (reader: Reader) => T): T;

  /** Jobs that ended before that wall-clock ms, among `max` jobs created after `after` (0: from the first on). */
  endedBefore(wallMs: number, after: number, max: number): EndedPage;

  job(id: JobId): Job | undefined;
  /** All jobs with that key, newest first. It may scan the whole table: for people, not for loops. */
  jobsByKey(feed: string, key: Buffer): Job[];
  held(filter: HeldFilter): Job[];
  /** The same jobs, without their payloads and histories: for whoever goes through all of them. */
  heldKeys(filter: HeldFilter): HeldKey[];

  gates(): Gate[];
  /** Boot-clock ms of the next due job of `stage` without a closed gate; Infinity if there is none. */
  nextDueMs(stage: StageName): number;

  /** `held`: the result of `heldFor`, if the caller has just read it. */
  stats(held?: readonly HeldFor[]): StageStats[];
  counters(): Counter[];
  depths(): Depth[];
  /** The same, of held jobs alone. */
  heldDepths(): Depth[];
  /** The same, a row a stage: how many jobs were made in each of these seconds of the wall clock or before. */
  depthsByAge(boundSeconds: readonly number[]): AgedDepth[];
  durations(): Duration[];
  /** The jobs that ended last, newest first; at most `limits.endingsKept`. */
  endings(most: number): Job[];
  /** Claimed jobs, the largest first. */
  inProgress(most: number): Job[];
  /** One for each feed, stage, and `why` of a defer or `code` of a retry: callers give a bounded number of these. */
  reasons(): Reason[];
  heldFor(): HeldFor[];
  /**
   * The counters as they were at the oldest moment of the last `lastMs` that is known: one about every ten seconds in which
   * something was counted, for two minutes. Undefined where nothing was counted since.
   */
  earlierCounters(lastMs: number): Moment | undefined;
  /**
   * The figures of a feed (`*`: of all) as they were about every minute of the last `lastMs`, oldest first: the last sample before
   * that time, those in it, and the figures of now. Without `stages` these are empty, and the waiting jobs are not read.
   */
  samples(feed: string, lastMs: number, what?: { stages: boolean }): Sample[];
  /** The times of the last `lastMs`, and up to `limits.sampledTimesEveryMs` longer; `*`: of all feeds. */
  timesSince(feed: string, lastMs: number): TimesSince;
  /** Wall-clock ms, to ten seconds, at which something was counted last; undefined if nothing ever was. */
  countedAtMs(): number | undefined;
  owners(): OwnerStatus[];
  /** True if the lock of that owner is taken: only the lock shows that an owner lives. */
  isAlive(owner: OwnerId): boolean;

  /** Throws QueueError if the path of the database names another file now, or if a newer build changed it. */
  checkStillOurs(): void;
  close(): Promise<void>;
}

/** A backend, opened by one process as one owner. */
export interface Backend extends QueueView {
  readonly owner: OwnerId;

  /** Stores a feed and its options (JSON, opaque except `order`: sqlite/order.ts). Idempotent. */
  putFeed(name: string, options: Payload): Promise<void>;
  /** Forgets a feed if all of its jobs are done. Returns the number of jobs that are not done. */
  retireFeed(name: string): Promise<number>;

  enqueue(batch: readonly Candidate[]): Promise<EnqueueAnswer[]>;
  /**
   * Claims up to `max` due jobs, of up to `bytesMax` together (one job is always allowed). Skips closed gates; feeds
   * take turns, the oldest job first within a feed.
   */
  claim(stage: StageName, max: number, bytesMax?: number): Promise<ClaimedJob[]>;
  /**
   * Settles all in one transaction; returns one answer for each settlement. A job that advances to a stage of `keep`
   * without a closed gate stays claimed, with its next claim number: a process that runs both stages saves a claim.
   * Kept jobs have at most `claimBytesMax` together; any owner may claim the others.
   */
  settle(settlements: readonly Settlement[], keep?: ReadonlySet<StageName>, also?: Also): Promise<SettleAnswer[]>;
  /** For operators, and for what releases a held job: `decide` gives the outcome of each *held* job. Returns true for each id that was held. */
  amendHeld(ids: readonly JobId[], decide: (tx: Tx, job: Job) => Outcome): Promise<boolean[]>;
  /** Runs the caller's own writes in the next shared commit of the process. */
  transact<T>(fn: (tx: Tx) => T): Promise<T>;

  /**
   * Deletes those of the given jobs that still fulfil the condition of `endedBefore`, with their histories. Returns how
   * many. Deletion is permanent.
   */
  forget(seqs: readonly number[], wallMs: number): Promise<number>;

  /** Gates whose time is over, and whose rows are still there. */
  endedGates(): Gate[];
  /**
   * True while jobs whose wait has ended are not woken yet. On a slow disk that can take longer than several checks.
   */
  readonly wakes: boolean;
  /** Takes the probe of a due gate for this owner, unless another living owner has it. An owner makes one probe after the other. */
  takeProbe(gate: Gate): Promise<boolean>;
  /** The probe ended and the gate stays closed: the next probe is due in `inMs`. */
  putBackProbe(gate: Gate, inMs: number): Promise<void>;

  /**
   * Makes jobs of dead owners due again, and continues interrupted wakes. If there is nothing to do, it is cheap and
   * writes nothing.
   */
  rescue(onStuck?: OnStuck): Promise<Rescue[]>;

  /** Writes this owner's heartbeat, and its job in progress if that has changed. */
  beat(inProgress: { job: JobId | null; place: string }): void;
  /** Returns where the `n`th other thread of this process writes the `jobText` of its job. */
  threadSlot(n: number): { path: string; at: number };
  /** None of the threads has a job in progress. */
  clearThreadSlots(): void;
  /** The `n`th thread hangs at a job; without `threadJob`, it no longer hangs. */
  noteThreadHang(n: number, threadJob?: Required<ThreadJob>): void;

  /**
   * Calls `listener` after a commit, of this process or another, has made jobs ready (doorbell or data_version).
   * Returns the function that removes it.
   */
  onWork(listener: () => void): () => void;
}
