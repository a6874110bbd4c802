/**
 * A job, and the candidate from which it is created. Key, identity and payload are opaque to the queue.
 */
import type { State } from '../states.js';

export type StageName = string;
/** 26 characters, sortable by time of creation, never reused. */
export type JobId = string;
/** Positive, never reused within one state. */
export type OwnerId = number;
/** JSON-serialisable. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined };
export type Payload = { [key: string]: Json | undefined };

/**
 * One line of a job's history. Equal neighbours (stage, outcome, why) are merged into a count. Times are wall-clock ms.
 */
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
  /** The version that the producer or the last check saw. Only compared for equality. */
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
  /** How often a process died by itself while it worked on this job. */
  readonly crashes: number;
  /**
   * True after a claim ended without a settlement of its own: its owner died, closed or gave it back. Nobody knows how
   * far that claim came, so its last act may be done and not recorded. It stays true through every advance, until a
   * stage empties it (`Amend.interrupted`).
   */
  readonly interrupted: boolean;
  /** False after the key was freed; then another job may have the same key. */
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

/** As much of the job that has a key as an offer of that key needs. */
export type Holder = Pick<Job, 'id' | 'identity' | 'state' | 'dueMs' | 'reason'>;

/** A job that the asking owner has claimed. */
export type ClaimedJob = Job & {
  readonly state: 'claimed';
  readonly owner: OwnerId;
};

export interface Candidate {
  feed: string;
  key: Buffer;
  identity: string;
  bytes: number;
  payload: Payload;
  /** Milliseconds from now; 0 means at once. */
  dueInMs: number;
  /** Why it is not due at once, if that is worth counting (`reasons`): a stage has not looked at it yet. */
  why?: string;
  /**
   * True: a known job that is ready, or held and reopened by this candidate, becomes due at once (its file changed, or
   * its sidecar came). The payload of a ready job is replaced only if it was never claimed and is of the same version.
   */
  nudge?: boolean;
}

/**
 * `busy`: the job of this key is claimed, and its stage may have looked at the file before this candidate came. Offer
 * it again in a second.
 */
export type EnqueueAnswer = 'new' | 'known' | 'busy';
