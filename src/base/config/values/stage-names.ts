/** The stages in their order, as options and help name them; src/ingest/stages gives each its handler. */
import type { StageStats } from '../../../../queue/backend.js';

export const STAGE_NAMES = ['verify-complete', 'hash', 'share', 'process', 'manifest', 'move', 'publish'] as const;
export type IngestStage = (typeof STAGE_NAMES)[number];

/** The stage whose files are stored already. */
export const PUBLISH = 'publish' satisfies IngestStage;

/** The option that gives a feed the stage. A stage that is not here applies to every feed. */
const GIVEN_BY = {
  share: 'sharedLedger',
  process: 'process',
  publish: 'publish',
} as const satisfies Partial<Record<IngestStage, string>>;

/** The options of a feed that give it stages. */
export type Giving = { readonly [Option in (typeof GIVEN_BY)[keyof typeof GIVEN_BY]]?: unknown };

export const appliesTo = (stage: string, feed: Giving): boolean =>
  !(stage in GIVEN_BY) || feed[GIVEN_BY[stage as keyof typeof GIVEN_BY]] !== undefined;

/** The next stage that applies to the feed; undefined after the last one. */
export const stageAfter = (stage: string, feed: Giving): IngestStage | undefined =>
  STAGE_NAMES.slice(STAGE_NAMES.indexOf(stage as IngestStage) + 1).find((next) => appliesTo(next, feed));

/** The stages that the files of at least one feed go through. */
export const stagesUsed = (feeds: readonly Giving[]): IngestStage[] =>
  STAGE_NAMES.filter((stage) => appliesTo(stage, {}) || feeds.some((feed) => appliesTo(stage, feed)));

/** The figures of each stage that a feed's files go through, or that still has jobs of it: the feed may have had a chain before. */
export function statsUsed(
  stats: readonly StageStats[],
  feeds: readonly { name: string; options: Giving }[],
): StageStats[] {
  const given = new Map(feeds.map(({ name, options }) => [name, options]));
  return stats.filter((one) => appliesTo(one.stage, given.get(one.feed) ?? {}) || hasJobs(one));
}

export const hasJobs = ({ ready, deferred, claimed, waiting, held }: StageStats): boolean =>
  ready + deferred + claimed + waiting + held > 0;
