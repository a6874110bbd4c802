/** Who is at work on a state, and what a dead one leaves. */
import type { Hand } from '../slot-text.js';
import type { JobId, OwnerId, StageName } from './job.js';
import type { Tx } from './transaction.js';

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
  /** The job that its main thread has in hand; null between jobs. A crash is counted for this one and for those of `threads` only. */
  job: JobId | null;
  /** What its other threads have in hand. */
  threads: readonly Hand[];
  /** The place in hand ('' = none): who hangs, hangs there. */
  place: string;
  placeSinceMs: number;
  /** Written by its parent, directly before it kills it for giving no sign of life. */
  stalled?: true;
}

/** An owner as whoever looks at the state sees it. */
export interface OwnerStatus extends OwnerSlot {
  alive: boolean;
  /** Boot-clock ms at which its parent looked after it last; 0 where it has none. */
  attendedMs: number;
}

export interface Rescue {
  owner: OwnerId;
  jobs: number;
  /** The jobs that were in hand: one a thread. */
  inHand: readonly JobId[];
  /** Those of them that are held as `poison` now. */
  poisoned: readonly JobId[];
  /** The place in which it hung until its parent killed it: no job is blamed. */
  stuckIn?: string;
}

/** A feed and stage of which an owner had claims when it hung; of several batches, the job in hand may be of any. */
export interface StuckWork {
  feed: string;
  stage: StageName;
  /** A job in hand was one of these. */
  inHand: boolean;
}

/** What an owner had claimed when it hung in a place, and the same transaction that gives its jobs back. */
export type OnStuck = (tx: Tx, at: readonly StuckWork[], place: string) => void;
