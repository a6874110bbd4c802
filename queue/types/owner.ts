/**
 * The owners of a state, and what a dead one leaves.
 */
import type { ThreadJob } from '../slot-text.js';
import type { AtStage } from './figures.js';
import type { JobId, OwnerId } from './job.js';
import type { Tx } from './transaction.js';

/** The slot of an owner in the owners file. Its parent and `queue-stat` read it. */
export interface OwnerSlot {
  owner: OwnerId;
  pid: number;
  /** 'producer' | 'worker' | … with its stages, for people. */
  title: string;
  /** Boot-clock ms. */
  startedMs: number;
  /** Boot-clock ms of its last heartbeat; 0 for a dead owner. */
  beat: number;
  /**
   * The job in progress of its main thread; null between jobs. A crash is counted only for this job and those of
   * `threads`.
   */
  job: JobId | null;
  /** The jobs in progress of its other threads. */
  threads: readonly ThreadJob[];
  /** The place in use ('' if none): if the owner hangs, it hangs there. */
  place: string;
  placeSinceMs: number;
  /** Written by its parent directly before it kills the owner because its heartbeat has stopped. */
  stalled?: true;
}

/** An owner as readers of the state see it. */
export interface OwnerStatus extends OwnerSlot {
  alive: boolean;
  /** Boot-clock ms of the last check by its parent; 0 if it has none. */
  attendedMs: number;
}

export interface Rescue {
  owner: OwnerId;
  jobs: number;
  /** The jobs that were in progress, one for each thread. */
  inProgress: readonly JobId[];
  /** The jobs in `inProgress` that are now held as `poison`. */
  poisoned: readonly JobId[];
  /** The place in which it hung until its parent killed it. Then no job is blamed. */
  stuckIn?: string;
}

/**
 * A feed and stage in which an owner had claims when it hung. With several batches, the job in progress may belong to
 * any of them.
 */
export interface StuckWork extends AtStage {
  /** True: a job in progress was one of these. */
  inProgress: boolean;
}

/** Called with the claims of an owner that hung in a place, in the transaction that gives its jobs back. */
export type OnStuck = (tx: Tx, at: readonly StuckWork[], place: string) => void;
