/**
 * The figures of a state, for readers.
 */
import type { Job, StageName } from './job.js';

export interface StageStats {
  feed: string;
  stage: StageName;
  /** Ready and due now. */
  ready: number;
  /** Ready, but due later. */
  deferred: number;
  claimed: number;
  waiting: number;
  held: number;
  bytes: number;
  /** The age of the oldest job that is not done, in wall-clock ms, to the next second; 0 if there is none. */
  oldestAgeMs: number;
}

export interface Counter {
  feed: string;
  stage: StageName;
  /** The kind of an outcome, an ending (`stored`, `duplicate`, …) or a name given to `Tx.count`. */
  name: string;
  files: number;
  bytes: number;
}

/** How many jobs that are not done are in a stage, of those created in one second. */
export interface Depth {
  feed: string;
  stage: StageName;
  /** Wall-clock seconds. */
  second: number;
  jobs: number;
  bytes: number;
}

/** Jobs that are ready or deferred and have a reason: why a stage left them there. */
export interface Reason {
  feed: string;
  stage: StageName;
  /** The reason as `defer` or `retry` gave it. */
  reason: string;
  /** At most `limits.reasonJobsMax`, which means that many or more. */
  jobs: number;
  /** The job that was created first. */
  oldest: Job;
}

export interface HeldFor {
  feed: string;
  stage: StageName;
  code: string;
  jobs: number;
  oldest: Job;
}

/** One bucket of a histogram: how long jobs were in a stage before they left it for good. */
export interface Duration {
  feed: string;
  stage: StageName;
  /** A power of two. The times in this bucket are shorter than it, and at least half of it. */
  belowMs: number;
  jobs: number;
  /** The sum of all times in this bucket. */
  ms: number;
}

/** The counters at a moment of the wall clock. */
export interface Moment {
  atMs: number;
  /** Time until now. */
  agoMs: number;
  counters: Counter[];
}

/** Jobs in the order of their creation. `next`: where to continue; undefined at the end. */
export interface EndedPage {
  seqs: number[];
  next: number | undefined;
}
