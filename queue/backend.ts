/**
 * The interface of a queue backend, and what a backend needs of the system (`Host`).
 * A job's key, identity and payload are opaque here: the queue knows feeds, stages, due times and owners, no files.
 * Guarantees that every backend gives (test/queue/conformance.ts runs them against each):
 *  - a job is claimed by one owner at a time; a settlement counts only for that owner and that claim number;
 *  - what a settlement decides and what its function writes through `Tx` is one transaction;
 *  - due times live on the backend's own clock (boot time), never on the wall clock.
 */
import type { State } from './states.js';

export type StageName = string;
/** 26 characters, sortable by time of creation, never reused. */
export type JobId = string;
/** Positive, never reused within one state. */
export type OwnerId = number;
/** JSON-serialisable. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined };
export type Payload = { [key: string]: Json | undefined };

/** One line of a job's history: equal neighbours (stage, outcome, why) are folded into a count. Wall-clock ms. */
export interface TrailEntry {
  stage: StageName;
  outcome: string;
  why?: string;
  firstAtMs: number;
  lastAtMs: number;
  count: number;
}

export interface Job {
  readonly id: JobId;
  readonly feed: string;
  readonly key: Buffer;
  /** What the producer or the last observation saw; compared for equality only. */
  readonly identity: string;
  readonly stage: StageName;
  readonly state: State;
  /** Boot-clock ms from which the job may be claimed. */
  readonly dueMs: number;
  readonly claimNo: number;
  /** The owner of the claim; null unless `claimed`. */
  readonly owner: OwnerId | null;
  /** How often a stage answered `retry`. */
  readonly attempts: number;
  /** How often its process died by itself with this job in hand. */
  readonly crashes: number;
  /** False once the key was freed: another job may hold the same key then. */
  readonly keyed: boolean;
  readonly bytes: number;
  readonly payload: Payload;
  /** Set while `held`. */
  readonly holdCode: string | null;
  /** The last error or the reason of the hold, one sentence. */
  readonly reason: string | null;
  /** Set while `waiting`. */
  readonly waitsOn: string | null;
  /** How a `done` job ended: stored, duplicate, discarded, dropped. */
  readonly ending: string | null;
  /** Wall-clock ms. */
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly trail: readonly TrailEntry[];
}

/** A job in state `claimed` by the asking owner. */
export type ClaimedJob = Job & {
  readonly state: 'claimed';
  readonly owner: OwnerId;
  /** The memo of the advance that led here, where the claim was kept. */
  readonly memo?: object;
};

export interface Candidate {
  feed: string;
  key: Buffer;
  identity: string;
  bytes: number;
  payload: Payload;
  /** From now; 0 = at once. */
  dueInMs: number;
  /**
   * A known job that is ready, or held and reopened by this, becomes due at once (its file changed, its sidecar arrived); the
   * payload of a ready one is replaced only where nobody has claimed it yet and it is of this very version.
   */
  nudge?: boolean;
}

/** `busy`: the key's job is claimed just now, by a stage that may have looked before this came; offer it again in a second. */
export type EnqueueAnswer = 'new' | 'known' | 'busy';

/** Fields that any outcome may change together with the state. */
export interface Amend {
  payload?: Payload;
  identity?: string;
  bytes?: number;
  /** Frees the key: another job may be enqueued under it from this commit on. */
  freeKey?: true;
}

/** What a stage says of a job. */
export type Outcome =
  // To the next stage (or `to`), due at once. `memo`: what that stage may take from memory where it goes on in the same claim;
  // nothing may depend on it.
  | ({ kind: 'advance'; to?: StageName; memo?: object } & Amend)
  | ({ kind: 'defer'; inMs: number; why: string } & Amend) // not yet; costs no attempt
  | ({ kind: 'wait'; on: string; why: string } & Amend) // until `Tx.wake(on)` or `Tx.release`
  | ({ kind: 'retry'; error: string; code: string } & Amend) // failed: backs off, `held` with `code` after the limit
  | ({ kind: 'hold'; code: string; reason: string } & Amend) // needs a person
  | ({ kind: 'finish'; ending: string } & Amend)
  | ({ kind: 'drop'; why: string } & Amend);

/**
 * Or a function that decides one of these inside the settling transaction. It must not await or touch files, and may run
 * more than once (when the transaction has to be repeated): all that it does must go through `tx`.
 */
export type Decision = Outcome | ((tx: Tx, job: ClaimedJob) => Outcome);

export type Advance = Extract<Outcome, { kind: 'advance' }>;

export interface Settlement {
  job: ClaimedJob;
  /**
   * Stages that lie behind the job since its row was written last: all is as if each of these had been settled before
   * `outcome`, which speaks of the stage behind them, but the row is written once, and the claim keeps its number.
   */
  passed?: readonly Advance[];
  outcome: Decision;
}

/** What else the caller writes in the transaction of a settlement. As a function of a Decision, each may run more than once. */
export interface Around {
  before?(tx: Tx): void;
  /** `settled`: the jobs whose claims still were the owner's. */
  after?(tx: Tx, settled: ReadonlySet<JobId>): void;
}

/**
 * Not settled: the claim was no longer this owner's, and nothing of the settlement was written.
 * `next`: the job stays claimed by this owner, for the stage that it advanced to (see `settle`).
 */
export type SettleAnswer = { settled: true; outcome: Outcome; next?: ClaimedJob } | { settled: false };

export type GateCause = 'pause' | 'place' | 'watermark';

/** What keeps a stage of a feed from running. `*` as feed or stage closes all of them. */
export interface Gate {
  feed: string;
  stage: StageName;
  cause: GateCause;
  /** Which place fails; '' for a pause. */
  place: string;
  code: string;
  reason: string;
  /** Wall-clock ms. */
  sinceMs: number;
  /** Boot-clock ms of the next probe. */
  probeDueMs: number;
  /** Who is probing just now; null when nobody is. */
  prober: OwnerId | null;
}

/** Row access for the caller's own tables in the same transaction. Values: number, bigint, string, Buffer, null. */
export interface Reader {
  get<T>(sql: string, ...params: unknown[]): T | undefined;
  all<T>(sql: string, ...params: unknown[]): T[];
  /** Each row as the array of its columns' values: for what is read by the thousand. */
  arrays(sql: string, ...params: unknown[]): unknown[][];
}

/** A write transaction that is under way. Never kept, never awaited on. */
export interface Tx extends Reader {
  run(sql: string, ...params: unknown[]): { changes: number; lastInsertRowid: number | bigint };
  /** Boot-clock ms at the begin of this transaction. */
  readonly nowMs: number;
  /** Wall-clock ms at the begin of this transaction. */
  readonly wallMs: number;
  job(id: JobId): Job | undefined;
  /** The waiting job that waits longest on `on`. */
  oldestWaiter(on: string): Job | undefined;
  /** Takes one waiting job out of its wait: ready for `stage`, due at once. */
  release(id: JobId, stage: StageName, amend?: Amend): void;
  /** All that wait on one of these become ready in their own stage: a row here, the jobs in thousands after the commit. */
  wake(on: readonly string[]): void;
  /** Idempotent: an existing gate of the same (feed, stage, cause, place) keeps its `sinceMs`. Answers whether it is new. */
  closeGate(gate: {
    feed: string;
    stage: StageName;
    cause: GateCause;
    place: string;
    code: string;
    reason: string;
  }): boolean;
  /** Removes that one cause only. Answers whether it was there. */
  openGate(gate: { feed: string; stage: StageName; cause: GateCause; place: string }): boolean;
  /** Adds to the exact counters, beyond what settle counts by itself. */
  count(feed: string, stage: StageName, name: string, files: number, bytes: number): void;
  /**
   * A job under a given id, without its key, ready for `stage`: for something found that names its own job.
   * Answers false when that job exists and is not done, unless `overrule` says that what was found is newer than its
   * row; a done one is revived.
   */
  adopt(job: {
    id: JobId;
    feed: string;
    key: Buffer;
    identity: string;
    bytes: number;
    stage: StageName;
    payload: Payload;
    overrule?: boolean;
  }): boolean;
}

export interface StageStats {
  feed: string;
  stage: StageName;
  /** Ready and due. */
  ready: number;
  /** Ready, due later. */
  deferred: number;
  claimed: number;
  waiting: number;
  held: number;
  bytes: number;
  /** Of the oldest job that is not done, wall-clock ms, to the next second; 0 when there is none. */
  oldestAgeMs: number;
}

export interface Counter {
  feed: string;
  stage: StageName;
  /** An outcome's kind, an ending (`stored`, `duplicate`, …) or a name given to `Tx.count`. */
  name: string;
  files: number;
  bytes: number;
}

/** How many jobs that are not done stand in a stage, of those made in one second. */
export interface Depth {
  feed: string;
  stage: StageName;
  /** Wall clock. */
  second: number;
  jobs: number;
  bytes: number;
}

/** Jobs that are ready or deferred and carry a reason: why a look at them left them where they are. */
export interface Reason {
  feed: string;
  stage: StageName;
  /** As `defer` or `retry` gave it. */
  reason: string;
  /** At most `limits.reasonJobsMax`: as many, or more. */
  jobs: number;
  /** The one that came first. */
  oldest: Job;
}

export interface HeldFor {
  feed: string;
  stage: StageName;
  code: string;
  jobs: number;
  oldest: Job;
}

/** One bucket of the histogram of how long jobs were in a stage before they left it for good. */
export interface Duration {
  feed: string;
  stage: StageName;
  /** A power of two: shorter than this, and not than half of it. */
  belowMs: number;
  jobs: number;
  /** The time of all of them together. */
  ms: number;
}

/** The counters at a moment of the wall clock. */
export interface Moment {
  atMs: number;
  /** Until now. */
  agoMs: number;
  counters: Counter[];
}

/** What a worker writes into its slot of the owners file; read by its parent and by `queue-stat`. */
export interface OwnerSlot {
  owner: OwnerId;
  pid: number;
  /** 'producer' | 'worker' | … with its stages, for people. */
  title: string;
  /** Boot-clock ms. */
  startedMs: number;
  /** Boot-clock ms of its last beat; 0 of an owner that is dead. */
  beat: number;
  /** The job in hand; null between jobs. A crash is counted for this one only. */
  job: JobId | null;
  /** The place in hand ('' = none): who hangs, hangs there. */
  place: string;
  placeSinceMs: number;
  /** Written by its parent, directly before it kills it for giving no sign of life. */
  stalled?: true;
}

/** An owner as whoever looks at the state sees it. */
export interface LookedOwner extends OwnerSlot {
  alive: boolean;
  /** Boot-clock ms at which its parent looked after it last; 0 where it has none. */
  attendedMs: number;
}

export interface Rescue {
  owner: OwnerId;
  jobs: number;
  /** The job that was in hand, when there was one. */
  inHand: JobId | null;
  /** It is held as `poison` now. */
  poisoned: boolean;
  /** The place in which it hung until its parent killed it: no job is blamed. */
  stuckIn?: string;
}

/** A feed and stage of which an owner had claims when it hung; of several batches, the job in hand may be of any. */
export interface StuckWork {
  feed: string;
  stage: StageName;
  /** The job in hand was one of these. */
  inHand: boolean;
}

/** Jobs by the order in which they were made. `next`: where to go on; undefined at the end. */
export interface EndedPage {
  seqs: number[];
  next: number | undefined;
}

/** What an owner had claimed when it hung in a place, and the same transaction that gives its jobs back. */
export type OnStuck = (tx: Tx, at: readonly StuckWork[], place: string) => void;

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

  gates(): Gate[];
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
  durations(): Duration[];
  /** The jobs that ended last, newest first, at most `limits.endingsKept`. */
  endings(most: number): Job[];
  /** Claimed jobs, the largest first; of one owner or all. */
  inHand(most: number, owner?: OwnerId): Job[];
  /** At most `limits.reasonsMax`, in the order of their text. */
  reasons(): Reason[];
  heldFor(): HeldFor[];
  /** The counters as they were about every ten seconds of the last `lastMs`, oldest first; none where nothing was counted. */
  history(lastMs: number): Moment[];
  owners(): LookedOwner[];
  /** Whether that owner's lock is held: nothing else says that it lives. */
  isAlive(owner: OwnerId): boolean;
  /** Writes this owner's beat, and what it has in hand where that is another than was said last (or `anew`). */
  beat(inHand: { job: JobId | null; place: string }, anew?: boolean): void;
  /** Where `handText` of this owner's job stands: for a thread of this process that handles jobs by itself. */
  handSpot(): { path: string; at: number };

  /** Called after another process's commit made jobs ready (doorbell or data_version); also after own ones. */
  onWork(listener: () => void): () => void;
  /** Throws EnvironmentError when the database's path no longer names the opened file, or is newer than this build. */
  checkStillOurs(): void;
  close(): Promise<void>;
}

/** What a backend needs of the system; src/linux supplies it, a test may too. */
export interface Host {
  /** CLOCK_BOOTTIME, ms. */
  bootMs(): number;
  bootId(): string;
  /** Identifies the time namespace: processes with different ones cannot share a state. */
  timeNamespace(): string;
  /** Opens (creating with 0600) a file for byte locks and slots. */
  openLockFile(path: string): LockFile;
  /** Calls `listener` when the file is written to by anybody. Answers how to end it. */
  watchModified(path: string, listener: () => void): () => void;
}

/** Open-file-description locks on single bytes, and positioned reads and writes. */
export interface LockFile {
  /** False when somebody else holds it. Held until the process ends or the file is closed. */
  tryLockExclusive(byte: number): boolean;
  /** False when somebody else holds it exclusively. Turns an own exclusive lock into a shared one. */
  tryLockShared(byte: number): boolean;
  unlock(byte: number): void;
  /** Asks without taking. */
  isLocked(byte: number): boolean;
  /** The first byte of these that somebody else has locked. */
  firstLocked(from: number, bytes: number): number | undefined;
  write(at: number, bytes: Buffer): void;
  read(at: number, length: number): Buffer;
  close(): void;
}
