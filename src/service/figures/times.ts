/**
 * The time that half of the files, and 19 of 20, took in each stage and on the whole way, out of a histogram. Pure.
 * The histogram's buckets double, so a figure may be off by half of itself; it is taken evenly from within its bucket.
 */
import type { TimesSince } from '../../../queue/index.js';

/** `stage`: `*` is the whole way, from the moment a file was noticed until it ended. */
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
