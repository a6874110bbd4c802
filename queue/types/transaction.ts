/** What is read and written in one transaction, by the queue's verbs and by the caller's own statements. */
import type { Job, JobId, OwnerId, Payload, StageName } from './job.js';
import type { Amend } from './settlement.js';

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

export type GateName = Pick<Gate, 'feed' | 'stage' | 'cause' | 'place'>;

/** A gate as it is closed. A new one is closed since now, and probed at once where it is a place's, unless it says otherwise. */
export type ClosedGate = GateName & Pick<Gate, 'code' | 'reason'> & { sinceMs?: number; probeInMs?: number };

/**
 * Row access for the caller's own tables, and for the view `all_jobs`, in the same transaction. Values: number, bigint, string,
 * Buffer, null.
 */
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
  gates(): Gate[];
  /** Idempotent: an existing gate of the same name keeps its times. Answers whether it is new. */
  closeGate(gate: ClosedGate): boolean;
  /** Removes that one cause only. Answers whether it was there. */
  openGate(gate: GateName): boolean;
  /** Changes a job that is not done where it stands. */
  amend(id: JobId, amend: Pick<Amend, 'payload' | 'identity'>): void;
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
