/** What the state answers to who asks how it stands. */
import type { Job, JobId, StageName } from './job.js';

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

/** Jobs of a stage that are not done, by bounds of age. */
export interface AgedDepth {
  feed: string;
  stage: StageName;
  jobs: number;
  bytes: number;
  /** Of each bound: how many of the jobs were made in that second or before. */
  madeBy: number[];
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

/** A held job, as much of it as is needed to group many of them. */
export interface HeldKey {
  id: JobId;
  feed: string;
  code: string;
  key: Buffer;
  /** Wall clock: since when it is held. */
  sinceMs: number;
}

/**
 * One bucket of the histogram of how long jobs were in a stage before they left it for good. The stage `*` is the whole way of jobs
 * that ended, from the moment they were made.
 */
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

/** The figures of a feed at a moment of the wall clock. */
export interface Sample {
  atMs: number;
  /** Since the state was made, by the name of the counter, summed over the stages. */
  counts: Map<string, { files: number; bytes: number }>;
  stages: SampledStage[];
  /** Nothing changed from this moment until the next sample. */
  stood: boolean;
}

/** A stage with at least one job that is not done. */
export interface SampledStage {
  stage: StageName;
  jobs: number;
  bytes: number;
  /** Wall clock: when the oldest of them was made. */
  oldestSecond: number;
}

/** The times of jobs that left a stage since `fromMs`, as buckets. The stage `*` is the whole way of jobs that ended. */
export interface TimesSince {
  fromMs: number;
  buckets: { stage: StageName; belowMs: number; jobs: number }[];
}

/** Jobs by the order in which they were made. `next`: where to go on; undefined at the end. */
export interface EndedPage {
  seqs: number[];
  next: number | undefined;
}
