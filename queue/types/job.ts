/** A job, and the candidate that it is made of. Key, identity and payload are opaque to the queue. */
import type { State } from '../states.js';

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
