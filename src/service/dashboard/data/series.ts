/**
 * /series (docs/http-api.md): files and bytes a second, backlog and oldest age of a feed over the last hour or day, and the times of
 * its stages. All of it comes from the samples of the state (queue/sqlite/samples.ts), so it is there after a restart.
 * Guarantees: bounded by the minutes of a day, whatever the state has seen.
 */
import type { QueueView } from '../../../../queue/index.js';
import { STAGE_NAMES } from '../../../base/config/values/stage-names.js';
import { binsOf } from '../../figures/bins.js';
import { timesOf } from '../../figures/times.js';

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
