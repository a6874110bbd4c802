/**
 * The interface of a queue backend, and what a backend needs of the system (`Host`).
 * A job's key, identity and payload are opaque here: the queue knows feeds, stages, due times and owners, no files.
 * Guarantees that every backend gives (test/queue/conformance.ts runs them against each):
 *  - a job is claimed by one owner at a time; a settlement counts only for that owner and that claim number;
 *  - what a settlement decides and what its function writes through `Tx` is one transaction;
 *  - due times live on the backend's own clock (boot time), never on the wall clock.
 */
import type { Hand } from './slot-text.js';
import type { State } from './states.js';
import type {
  AgedDepth,
  Counter,
  Depth,
  Duration,
  EndedPage,
  HeldFor,
  HeldKey,
  Moment,
  Reason,
  Sample,
  StageStats,
  TimesSince,
} from './types/figures.js';
import type { Candidate, ClaimedJob, EnqueueAnswer, Job, JobId, OwnerId, Payload, StageName } from './types/job.js';
import type { LookedOwner, OnStuck, Rescue } from './types/owner.js';
import type { Around, Outcome, SettleAnswer, Settlement } from './types/settlement.js';
import type { Gate, Reader, Tx } from './types/transaction.js';

export type * from './types/figures.js';
export type * from './types/host.js';
export type * from './types/job.js';
export type * from './types/owner.js';
export type * from './types/settlement.js';
export type * from './types/transaction.js';

/** A backend opened by one process as one owner. */
export interface Backend {
  /** Identifies this state for ever (markers in the roots carry it). */
  readonly uuid: string;
  readonly owner: OwnerId;
  readonly stages: readonly StageName[];
  /** Boot-clock ms. */
  nowMs(): number;

  /** Records a feed and its options (JSON, opaque save `order`: sqlite/order.ts). Idempotent. */
  putFeed(name: string, options: Payload): Promise<void>;
  feeds(): { name: string; options: Payload }[];
  /** Forgets a feed with no job that is not done; answers how many there are. */
  retireFeed(name: string): Promise<number>;

  enqueue(batch: readonly Candidate[]): Promise<EnqueueAnswer[]>;
  /** Read-only: the job that holds each key, if any. For scans of known files: no write, no wait. */
  holders(
    feed: string,
    keys: readonly Buffer[],
  ): ({ id: JobId; identity: string; state: State; dueMs: number; reason: string | null } | undefined)[];
  /** Up to `max` due jobs (of up to `bytesMax` together, but one) behind no closed gate, feeds in turn, oldest first within one. */
  claim(stage: StageName, max: number, bytesMax?: number): Promise<ClaimedJob[]>;
  /**
   * One transaction for all; answers per settlement. A job that advances to a stage of `keep`, behind no closed gate, stays
   * claimed under its next claim number: a process that runs both stages saves a claim. Of up to `claimBytesMax` together: the others are anybody's.
   */
  settle(settlements: readonly Settlement[], keep?: ReadonlySet<StageName>, around?: Around): Promise<SettleAnswer[]>;
  /** An operator's hand: moves *held* jobs on by `decide`; answers per id, `false` when it was not held. */
  amendHeld(ids: readonly JobId[], decide: (tx: Tx, job: Job) => Outcome): Promise<boolean[]>;
  /** The caller's own writes, in the process's next shared commit. */
  transact<T>(fn: (tx: Tx) => T): Promise<T>;
  /** A short read transaction; `fn` copies what it needs. */
  read<T>(fn: (reader: Reader) => T): T;

  /** Jobs that ended before that wall-clock ms, among the `max` that were made after `after` (0: from the first on). */
  endedBefore(wallMs: number, after: number, max: number): EndedPage;
  /** Deletes those of them that are so still, with their histories; answers how many. For ever: nothing speaks of them again. */
  forget(seqs: readonly number[], wallMs: number): Promise<number>;

  job(id: JobId): Job | undefined;
  /** All jobs with that key, newest first (may scan the whole table: for people, not for loops). */
  jobsByKey(feed: string, key: Buffer): Job[];
  held(filter: { feed?: string; code?: string; limit: number; after?: JobId }): Job[];
  /** The same jobs, without their payloads and histories: for whoever goes through all of them. */
  heldKeys(filter: { feed?: string; code?: string; limit: number; after?: JobId }): HeldKey[];

  gates(): Gate[];
  /** What some jobs wait for has come, and they are not woken yet: on a slow disk that takes longer than any two looks. */
  readonly wakes: boolean;
  /** Takes the probe of a due gate for this owner, unless a living prober has it. */
  takeProbe(gate: Gate): Promise<boolean>;
  /** The probe ended without opening: next one due `inMs` from now. */
  putBackProbe(gate: Gate, inMs: number): Promise<void>;

  /** Jobs of dead owners become due again; interrupted wakes go on. Cheap when there is nothing to do, and then writes nothing. */
  rescue(onStuck?: OnStuck): Promise<Rescue[]>;
  /** Boot-clock ms of the next due job of `stage` behind no gate; Infinity when there is none. */
  nextDueMs(stage: StageName): number;

  /** `held`: where `heldFor` was asked just now. */
  stats(held?: readonly HeldFor[]): StageStats[];
  counters(): Counter[];
  depths(): Depth[];
  /** The same, a row a stage: how many jobs were made in each of these seconds of the wall clock or before. */
  depthsByAge(boundSeconds: readonly number[]): AgedDepth[];
  durations(): Duration[];
  /** The jobs that ended last, newest first, at most `limits.endingsKept`. */
  endings(most: number): Job[];
  /** Claimed jobs, the largest first; of one owner or all. */
  inHand(most: number, owner?: OwnerId): Job[];
  /** At most `limits.reasonsMax`, in the order of their text. */
  reasons(): Reason[];
  heldFor(): HeldFor[];
  /** The counters as they were about every ten seconds of the last `lastMs`, oldest first, at most `most`; none where nothing was counted. */
  history(lastMs: number, most?: number): Moment[];
  /**
   * The figures of a feed (`*`: of all) as they were about every minute of the last `lastMs`, oldest first: the last sample before
   * that time, those in it, and the figures of now. Without `stages` these are empty, and the waiting jobs are not read.
   */
  samples(feed: string, lastMs: number, what?: { stages: boolean }): Sample[];
  /** The times of the last `lastMs`, and up to `limits.sampledTimesEveryMs` longer; `*`: of all feeds. */
  timesSince(feed: string, lastMs: number): TimesSince;
  /** When that was written last, wall-clock ms; undefined where nothing was counted. */
  countedAtMs(): number | undefined;
  owners(): LookedOwner[];
  /** Whether that owner's lock is held: nothing else says that it lives. */
  isAlive(owner: OwnerId): boolean;
  /** Writes this owner's beat, and what it has in hand where that is another than was said last. */
  beat(inHand: { job: JobId | null; place: string }): void;
  /** Where the `n`th of this process's other threads writes the `handText` of the job that it has in hand. */
  handSpot(n: number): { path: string; at: number };
  /** None of them has anything in hand. */
  clearHands(): void;
  /** The `n`th of them hangs at a job; without a hand, it does so no more. */
  noteHung(n: number, hand?: Required<Hand>): void;

  /** Called after another process's commit made jobs ready (doorbell or data_version); also after own ones. */
  onWork(listener: () => void): () => void;
  /** Throws EnvironmentError when the database's path no longer names the opened file, or is newer than this build. */
  checkStillOurs(): void;
  close(): Promise<void>;
}
