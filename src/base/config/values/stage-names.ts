/** The stages in their order, as options and help name them; src/ingest/stages gives each its handler. */
import type { StageStats } from '../../../../queue/backend.js';

export const STAGE_NAMES = ['verify-complete', 'hash', 'process', 'manifest', 'move'] as const;
export type IngestStage = (typeof STAGE_NAMES)[number];

export interface Chained {
  process?: unknown;
}

/** Without a chain there is nothing to be processed. */
export const passesBy = (stage: string, feed: Chained): boolean => stage === 'process' && feed.process === undefined;

/** The stages that the files of at least one feed go through. */
export const stagesUsed = (feeds: readonly Chained[]): IngestStage[] =>
  STAGE_NAMES.filter((stage) => !passesBy(stage, {}) || feeds.some((feed) => !passesBy(stage, feed)));

/** The figures of each stage that a feed's files go through, or that still has jobs of it: the feed may have had a chain before. */
export function statsUsed(
  stats: readonly StageStats[],
  feeds: readonly { name: string; options: Chained }[],
): StageStats[] {
  const chained = new Map(feeds.map(({ name, options }) => [name, options]));
  return stats.filter((one) => !passesBy(one.stage, chained.get(one.feed) ?? {}) || hasJobs(one));
}

export const hasJobs = ({ ready, deferred, claimed, waiting, held }: StageStats): boolean =>
  ready + deferred + claimed + waiting + held > 0;
