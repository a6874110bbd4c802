/**
 * The histogram of how long files were in a stage, out of the database.
 * prom-client's own histogram only observes; this one answers what was counted elsewhere, in the same form.
 */
import type { QueueView } from '../../../../queue/index.js';

const NAME = 'ingest_stage_duration_seconds';
const HELP = 'Seconds that files were in a stage before they left it for good.';
/** 2 ms to 4.5 hours, every second power of two: the database keeps all of them. */
const BOUNDS_MS = [2, 8, 32, 128, 512, 2_048, 8_192, 32_768, 131_072, 1_048_576, 16_777_216];

interface Value {
  labels: Record<string, string | number>;
  value: number;
  metricName: string;
}

export function durationsMetric(view: QueueView) {
  return {
    name: NAME,
    help: HELP,
    type: 'histogram',
    aggregator: 'sum',
    collect: undefined,
    reset: () => {},
    get: async () => ({
      ...{ name: NAME, help: HELP, type: 'histogram', aggregator: 'sum' },
      values: valuesOf(view),
    }),
  };
}

function valuesOf(view: QueueView): Value[] {
  const groups = new Map<
    string,
    { feed: string; stage: string; buckets: { belowMs: number; jobs: number }[]; ms: number }
  >();
  for (const { feed, stage, belowMs, jobs, ms } of view.durations()) {
    const key = JSON.stringify([feed, stage]);
    const group = groups.get(key) ?? { feed, stage, buckets: [], ms: 0 };
    groups.set(key, group);
    group.buckets.push({ belowMs, jobs });
    group.ms += ms;
  }
  return [...groups.values()].flatMap(({ feed, stage, buckets, ms }): Value[] => {
    const upTo = (mostMs: number) =>
      buckets.reduce((sum, { belowMs, jobs }) => sum + (belowMs <= mostMs ? jobs : 0), 0);
    const all = upTo(Number.POSITIVE_INFINITY);
    return [
      ...BOUNDS_MS.map((bound) => ({
        labels: { feed, stage, le: bound / 1_000 },
        value: upTo(bound),
        metricName: `${NAME}_bucket`,
      })),
      { labels: { feed, stage, le: '+Inf' }, value: all, metricName: `${NAME}_bucket` },
      { labels: { feed, stage }, value: ms / 1_000, metricName: `${NAME}_sum` },
      { labels: { feed, stage }, value: all, metricName: `${NAME}_count` },
    ];
  });
}
