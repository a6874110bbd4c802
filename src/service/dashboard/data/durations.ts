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
  buckets: { belowMs: number; jobs: number }[];
  ms: number;
}

function histogram(name: string, help: string, groups: () => Group[]) {
  const type = 'histogram';
  return {
    name,
    help,
    type,
    aggregator: 'sum',
    collect: undefined,
    reset: () => {},
    get: async () => ({
      name,
      help,
      type,
      aggregator: 'sum',
      values: groups().flatMap((group) => valuesOf(name, group)),
    }),
  };
}

function groupsOf(view: QueueView, isWanted: (stage: string) => boolean): Group[] {
  const groups = new Map<string, Group>();
  for (const { feed, stage, belowMs, jobs, ms } of view.durations()) {
    if (!isWanted(stage)) continue;
    const key = JSON.stringify([feed, stage]);
    const group = groups.get(key) ?? { labels: { feed, stage }, buckets: [], ms: 0 };
    groups.set(key, group);
    group.buckets.push({ belowMs, jobs });
    group.ms += ms;
  }
  return [...groups.values()];
}

function valuesOf(name: string, { labels, buckets, ms }: Group): Value[] {
  const upTo = (mostMs: number) => buckets.reduce((sum, { belowMs, jobs }) => sum + (belowMs <= mostMs ? jobs : 0), 0);
  const all = upTo(Number.POSITIVE_INFINITY);
  return [
    ...BOUNDS_MS.map((bound) => ({
      labels: { ...labels, le: bound / 1_000 },
      value: upTo(bound),
      metricName: `${name}_bucket`,
    })),
    { labels: { ...labels, le: '+Inf' }, value: all, metricName: `${name}_bucket` },
    { labels, value: ms / 1_000, metricName: `${name}_sum` },
    { labels, value: all, metricName: `${name}_count` },
  ];
}
