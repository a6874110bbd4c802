/**
 * The figures of a state, for readers.
 */
import type { Job, JobId, StageName } from './job.js';

/** A stage of a feed. */
export interface AtStage {
  feed: string;
  stage: StageName;
}

export interface StageStats extends AtStage {
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

export interface Counter extends AtStage {
  /** The kind of an outcome, an ending (`stored`, `duplicate`, …) or a name given to `Tx.count`. */
  name: string;
  files: number;
  bytes: number;
}

/** How many jobs that are not done are in a stage, of those created in one second. */
export interface Depth extends AtStage {
  /** Wall-clock seconds. */
  second: number;
  jobs: number;
  bytes: number;
}

/** Jobs of a stage that are not done, by bounds of age. */
export interface AgedDepth extends AtStage {
  jobs: number;
  bytes: number;
  /** For each bound: how many of the jobs were created in that second or before. */
  madeBy: number[];
}

/** Jobs that are ready or deferred and have a reason: why a stage left them there. */
export interface Reason extends AtStage {
  /** The reason of `oldest`, as `defer` or `retry` gave it. Retries with one code are one group, whatever their texts. */
  reason: string;
  /** At most `limits.reasonJobsMax`, which means that many or more. */
  jobs: number;
  /** The job that was created first. */
  oldest: Job;
}

export interface HeldFor extends AtStage {
  code: string;
  jobs: number;
  /** The job that has been held longest. */
  oldest: Job;
}

/** `after`: the last job of the page before. */
export interface HeldFilter {
  feed?: string;
  code?: string;
  limit: number;
  after?: JobId;
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

/** One bucket of a histogram: how long jobs were in a stage before they left it for good. The stage `*` is the whole way until the end. */
export interface Duration extends AtStage {
  /** A power of two. The times in this bucket are shorter than it, and at least half of it. */
  belowMs: number;
  jobs: number;
  /** The sum of all times in this bucket. */
  ms: number;
}

/** The counters at a moment of the last minutes. */
export interface Moment {
  /** Time until now, by the wall clock. */
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

/** Jobs in the order of their creation. `next`: where to continue; undefined at the end. */
export interface EndedPage {
  seqs: number[];
  next: number | undefined;
}
