/** The throughput and the backlog of a feed: files and bytes a second, backlog, and when it will be done. */
import type { Counter, Gate, QueueView, StageStats } from '../../../queue/index.js';
import { STAGE_NAMES } from '../../base/config/values/stage-names.js';
import { onTheWay, PROCESSED } from '../../base/telemetry/metrics.js';
import { ETA_FROM_MS, etaOf } from './backlog.js';
import type { Rates } from './rates.js';

export type Throughput = ReturnType<typeof throughputOf>[number];

type Asked = Pick<QueueView, 'samples'>;

export function throughputOf(
  view: Asked,
  feeds: readonly string[],
  stats: readonly StageStats[],
  gates: readonly Gate[],
  rates: Rates,
) {
  const [files, bytes] = [rates(processed('files')), rates(processed('bytes'))];
  const of = (feed: string) => {
    const its = stats.filter((one) => feed === '*' || one.feed === feed);
    const later = its.filter(({ stage }) => stage !== STAGE_NAMES[0]);
    const held = its.reduce((sum, one) => sum + one.held, 0);
    const waiting = later.filter((one) => onTheWay(one) > 0);
    const backlog = waiting.reduce((sum, one) => sum + onTheWay(one), 0);
    const left = later.some((one) => one.held > 0) ? undefined : later.reduce((sum, one) => sum + one.bytes, 0);
    const isClosed = waiting.some((one) => gates.some((gate) => closes(gate, one)));
    // Nothing is asked for a feed in which nothing waits.
    const samples = backlog === 0 || isClosed ? [] : view.samples(feed, ETA_FROM_MS, { stages: false });
    return {
      /** `*`: all feeds together, first. */
      feed,
      /** Stored, duplicates included, in the last minute. */
      files_per_second: files(feed),
      bytes_per_second: bytes(feed),
      /** Complete files on their way, without held ones: what `eta_seconds` speaks of. */
      backlog_files: backlog,
      /** Files of the first stage, which may still grow. */
      growing_files: its.filter(({ stage }) => stage === STAGE_NAMES[0]).reduce((sum, one) => sum + onTheWay(one), 0),
      held_files: held,
      ...etaOf({ files: backlog, bytes: left, isClosed }, samples),
    };
  };
  return ['*', ...feeds].map(of);
}

/** By feed, and of all together. */
const processed = (what: 'files' | 'bytes') => (counters: readonly Counter[]) => {
  const sums = new Map([['*', 0]]);
  for (const { feed, name, [what]: amount } of counters)
    if (PROCESSED.includes(name)) for (const of of ['*', feed]) sums.set(of, (sums.get(of) ?? 0) + amount);
  return sums;
};

/** The files cannot get past this gate: it is of their stage or of a later one. */
const closes = (gate: Gate, { feed, stage }: StageStats): boolean =>
  (gate.feed === '*' || gate.feed === feed) &&
  (gate.stage === '*' ||
    (STAGE_NAMES as readonly string[]).indexOf(gate.stage) >= (STAGE_NAMES as readonly string[]).indexOf(stage));
