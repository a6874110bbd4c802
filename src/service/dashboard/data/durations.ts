/**
 * The histograms of the time that files were in a stage and on their whole way, read from the database.
 * The histogram of prom-client only observes. This one returns counts of the database in the same form.
 */
import type { QueueView } from '../../../../queue/index.js';

/** The stage of the database that stands for the whole way. */
const WAY = '*';
/** 2 ms to 4.5 hours, every second power of two: the database keeps all of them. */
const BOUNDS_MS = [2, 8, 32, 128, 512, 2_048, 8_192, 32_768, 131_072, 1_048_576, 16_777_216];

interface Value {
  labels: Record<string, string | number>;
  value: number;
  metricName: string;
}

export const stageDurations = (view: QueueView) =>
  histogram('ingest_stage_duration_seconds', 'Seconds that files were in a stage before they left it for good.', () =>
    groupsOf(view, (stage) => stage !== WAY),
  );

export const wayDurations = (view: QueueView) =>
  histogram('ingest_way_duration_seconds', 'Seconds from the moment a file was noticed until its way ended.', () =>
    groupsOf(view, (stage) => stage === WAY).map((group) => ({ ...group, labels: { feed: group.labels.feed! } })),
  );

interface Group {
  labels: Record<string, string>;
  buckets: { belowMs: number; jobs: number; ms: number }[];
}

function histogram(name: string, help: string, groups: () => Group[]) {
  const what = { name, help, type: 'histogram', aggregator: 'sum' };
  const get = async () => ({ ...what, values: groups().flatMap((group) => valuesOf(name, group)) });
  return { ...what, collect: undefined, reset: () => {}, get };
}

const groupsOf = (view: QueueView, isWanted: (stage: string) => boolean): Group[] =>
  [
    ...Map.groupBy(
      view.durations().filter(({ stage }) => isWanted(stage)),
      ({ feed, stage }) => JSON.stringify([feed, stage]),
    ).values(),
  ].map((buckets) => ({ labels: { feed: buckets[0]!.feed, stage: buckets[0]!.stage }, buckets }));

function valuesOf(name: string, { labels, buckets }: Group): Value[] {
  const upTo = (mostMs: number) => buckets.reduce((sum, { belowMs, jobs }) => sum + (belowMs <= mostMs ? jobs : 0), 0);
  const all = upTo(Number.POSITIVE_INFINITY);
  const value = (suffix: string, amount: number, more: Value['labels'] = {}): Value => ({
    labels: { ...labels, ...more },
    value: amount,
    metricName: `${name}_${suffix}`,
  });
  return [
    ...BOUNDS_MS.map((bound) => value('bucket', upTo(bound), { le: bound / 1_000 })),
    value('bucket', all, { le: '+Inf' }),
    value('sum', buckets.reduce((sum, { ms }) => sum + ms, 0) / 1_000),
    value('count', all),
  ];
}
