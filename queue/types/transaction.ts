/**
 * Reads and writes in one transaction, for the queue's verbs and for the caller's own statements.
 */
import type { ClaimedJob, Job, JobId, OwnerId, StageName } from './job.js';
import type { Amend } from './settlement.js';

export type GateCause = 'pause' | 'place' | 'watermark';

/** Keeps a stage of a feed from running. `*` as feed or stage closes all of them. */
export interface Gate {
  feed: string;
  stage: StageName;
  cause: GateCause;
  /** The place that fails; '' for a pause. */
  place: string;
  code: string;
  reason: string;
  /** Wall-clock ms. */
  sinceMs: number;
  /** Boot-clock ms of the next probe. */
  probeDueMs: number;
  /** The owner that is probing now; null if none is. */
  prober: OwnerId | null;
  /** Wall-clock ms at which it is open again by itself; null: it stays closed. */
  untilMs: number | null;
}

export type GateName = Pick<Gate, 'feed' | 'stage' | 'cause' | 'place'>;

/** A gate to close. By default a new gate is closed since now, and a place's gate is probed at once. */
export type ClosedGate = GateName &
  Pick<Gate, 'code' | 'reason'> & {
    sinceMs?: number;
    probeInMs?: number;
    untilMs?: number | null;
  };

/**
 * Row access for the caller's own tables, and for the view `all_jobs`, in the same transaction. Values: number, bigint,
 * string, Buffer, null.
 */
export interface Reader {
  get<T>(sql: string, ...params: unknown[]): T | undefined;
  all<T>(sql: string, ...params: unknown[]): T[];
  /** Each row as an array of its column values, for queries with thousands of rows. */
  arrays(sql: string, ...params: unknown[]): unknown[][];
}

/** A job whose file was found. */
export interface FoundJob extends Pick<Job, 'id' | 'feed' | 'key' | 'identity' | 'bytes' | 'stage' | 'payload'> {
  /** True: what was found is newer than the row of the job, even if that is not done. */
  overrule?: boolean;
}

/** A write transaction that is under way. Never store it, and never await inside it. */
export interface Tx extends Reader {
  run(sql: string, ...params: unknown[]): { changes: number; lastInsertRowid: number | bigint };
  /** Boot-clock ms at the start of this transaction. */
  readonly nowMs: number;
  /** Wall-clock ms at the start of this transaction. */
  readonly wallMs: number;
  job(id: JobId): Job | undefined;
  /** The fence: the claim is still the owner's. Each transaction about a job begins with this question. */
  isOurs(job: ClaimedJob): boolean;
  /** The job that has waited longest on `on`. */
  oldestWaiter(on: string): Job | undefined;
  /** Ends the wait of one job: ready for `stage`, due at once. */
  release(id: JobId, stage: StageName, amend?: Amend): void;
  /**
   * Makes all jobs that wait on one of these ready in their own stage. Writes only a row here; the jobs follow by the
   * thousand after the commit.
   */
  wake(on: readonly string[]): void;
  gates(): Gate[];
  /** Gates whose time is over, and whose rows are still there. They close nothing. */
  endedGates(): Gate[];
  /** Idempotent: an existing gate of the same name keeps its start. Returns whether it is new. */
  closeGate(gate: ClosedGate): boolean;
  /** Removes only this cause. Returns whether it existed. */
  openGate(gate: GateName): boolean;
  /** Changes a job that is not done, without moving it. */
  amend(id: JobId, amend: Pick<Amend, 'payload' | 'identity'>): void;
  /** Adds to the exact counters, beyond what settle counts itself. */
  count(feed: string, stage: StageName, name: string, files: number, bytes: number): void;
  /**
   * Creates a job with a given id, without its key, ready for `stage`: for a file that was found and names its own job.
   * Returns false if that job exists and is not done, unless `overrule` says that what was found is newer than its row.
   * A done job becomes ready again.
   */
  adopt(job: FoundJob): boolean;
}
