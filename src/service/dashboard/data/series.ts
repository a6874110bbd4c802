/**
 * /series (docs/http-api.md): files and bytes a second, backlog and oldest age of a feed over the last hour or day, and the times of
 * its stages. All of it comes from the samples of the state (queue/sqlite/samples.ts), so it is there after a restart.
 * Guarantees: bounded by the minutes of a day, whatever the state has seen.
 */
import type { QueueView, TimesSince } from '../../../../queue/index.js';
import { STAGE_NAMES } from '../../../base/config/values/stage-names.js';
import { binsOf } from '../../figures/bins.js';

const HOUR_MS = 3_600_000;
/** The length of a step, by the hours that are shown: a minute, and ten minutes. */
const STEPS_MS: Readonly<Record<number, number>> = { 1: 60_000, 24: 600_000 };

export const HOURS: readonly number[] = Object.keys(STEPS_MS).map(Number);

export type SeriesAnswer = ReturnType<typeof seriesOf>;

export function seriesOf(view: Pick<QueueView, 'samples' | 'timesSince'>, feed: string, hours: number) {
  const [lastMs, stepMs] = [hours * HOUR_MS, STEPS_MS[hours]!];
  const samples = view.samples(feed, lastMs);
  const nowMs = samples.at(-1)!.atMs;
  const sinceMs = samples.length > 1 ? Math.max(samples[0]!.atMs, nowMs - lastMs) : undefined;
  return {
    /** `*`: all feeds. */
    feed,
    hours,
    step_seconds: stepMs / 1_000,
    /** ISO 8601: nothing is known of the time before; null where nothing was counted yet. */
    known_since: sinceMs === undefined ? null : new Date(sinceMs).toISOString(),
    ...binsOf(sinceMs === undefined ? [] : samples, { nowMs, stepMs, steps: lastMs / stepMs }, STAGE_NAMES),
    times: timesOf(view.timesSince(feed, lastMs), STAGE_NAMES),
  };
}

/**
 * The time that half of the files, and 19 of 20, took in each stage and on the whole way, out of a histogram. Pure.
 * The histogram's buckets double, so a figure may be off by half of itself; it is taken evenly from within its bucket.
 * `stage`: `*` is the whole way, from the moment a file was noticed until it ended.
 */
export function timesOf({ buckets }: TimesSince, order: readonly string[]) {
  return [...order, '*'].flatMap((stage) => {
    const its = buckets.filter((one) => one.stage === stage).sort((a, b) => a.belowMs - b.belowMs);
    const files = its.reduce((sum, { jobs }) => sum + jobs, 0);
    if (files === 0) return [];
    return [{ stage, files, p50_seconds: quantile(its, files, 0.5), p95_seconds: quantile(its, files, 0.95) }];
  });
}

function quantile(buckets: readonly { belowMs: number; jobs: number }[], all: number, part: number): number {
  let left = part * all;
  for (const { belowMs, jobs } of buckets) {
    if (left <= jobs) {
      const leastMs = belowMs <= 1 ? 0 : belowMs / 2;
      return Math.round(leastMs + (belowMs - leastMs) * (left / jobs)) / 1_000;
    }
    left -= jobs;
  }
  return (buckets.at(-1)?.belowMs ?? 0) / 1_000;
}
