/**
 * Rates, and the throughput and the backlog of a feed: files and bytes a second, and when the files that wait now will be done, from the rate of
 * the last minutes.
 * Guarantees: a time is named only where the last minutes carry it; else a sentence says why there is none. Files that may still
 * grow and held files are never in it: nobody knows when their writer or an operator is done with them.
 */
import type { Counter, Gate, QueueView, Sample, StageStats } from '../../../queue/index.js';
import { STAGE_NAMES } from '../../base/config/values/stage-names.js';
import { onTheWay, PROCESSED } from '../../base/telemetry/metrics.js';
import { cumulative, rateOf } from './bins.js';

const RATE_MS = 60_000;

export type Rates = ReturnType<typeof ratesOf>;

/**
 * Amounts a second, to a tenth, since the oldest moment of the last minute that the state remembers: it remembers one about every ten
 * seconds in which something was counted, so where there is none the rate is 0. `amounts` reads them from the counters.
 */
export function ratesOf(view: Pick<QueueView, 'counters' | 'earlierCounters'>) {
  const counters = view.counters();
  const first = view.earlierCounters(RATE_MS);
  const seconds = Math.max((first?.agoMs ?? 0) / 1_000, 1);
  return (amounts: (counters: readonly Counter[]) => ReadonlyMap<string, number>): ((key: string) => number) => {
    if (first === undefined) return () => 0;
    const [now, before] = [amounts(counters), amounts(first.counters)];
    // A feed that was retired took its counts with it.
    const risen = (key: string) => Math.max(0, (now.get(key) ?? 0) - (before.get(key) ?? 0));
    return (key) => Math.round((10 * risen(key)) / seconds) / 10;
  };
}

export function throughputOf(
  view: Pick<QueueView, 'samples' | 'owners'>,
  feeds: readonly string[],
  stats: readonly StageStats[],
  gates: readonly Gate[],
  rates: Rates,
) {
  const [files, bytes] = [rates(processed('files')), rates(processed('bytes'))];
  const isAtWork = view.owners().some(({ alive, title }) => alive && title.startsWith('worker'));
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
      ...(backlog > 0 && !isAtWork
        ? unknown('no worker is running')
        : etaOf({ files: backlog, bytes: left, isClosed }, samples)),
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

/** The rate is taken from these last minutes. */
export const ETA_FROM_MS = 300_000;
const LEAST_MS = 60_000;
/** The rates of both halves differ by at most this factor. */
const UNEVEN = 3;
const LONGEST_SECONDS = 86_400;

interface Waiting {
  files: number;
  /** Undefined where bytes of held files are among them. */
  bytes: number | undefined;
  /** A gate closes the way of at least one of them. */
  isClosed: boolean;
}

type Eta = { eta_seconds: number; eta_unknown: null } | { eta_seconds: null; eta_unknown: string };

const unknown = (why: string): Eta => ({ eta_seconds: null, eta_unknown: why });

/** When they will be done. Pure. `samples`: of the last `ETA_FROM_MS`, the last one is now. */
export function etaOf({ files, bytes, isClosed }: Waiting, samples: readonly Sample[]): Eta {
  if (files === 0) return { eta_seconds: 0, eta_unknown: null };
  if (isClosed) return unknown('a stage is paused, or a place fails');
  const points = cumulative(samples);
  const toMs = points.at(-1)?.atMs ?? 0;
  const fromMs = Math.max(toMs - ETA_FROM_MS, points[0]?.atMs ?? toMs);
  if (toMs - fromMs < LEAST_MS) return unknown('files have been counted for less than a minute');
  const middleMs = (fromMs + toMs) / 2;
  const rate = rateOf(points, fromMs, toMs);
  const halves = [rateOf(points, fromMs, middleMs)?.files ?? 0, rateOf(points, middleMs, toMs)?.files ?? 0];
  if (rate === null || rate.files === 0) return unknown('no file was stored in the last minutes');
  if (Math.max(...halves) > UNEVEN * Math.min(...halves)) return unknown('the rate of the last minutes is too uneven');
  const byBytes = bytes === undefined || rate.bytes === 0 ? 0 : bytes / rate.bytes;
  const seconds = Math.max(files / rate.files, byBytes);
  if (seconds > LONGEST_SECONDS) return unknown('at the rate of the last minutes it takes longer than a day');
  return { eta_seconds: Math.ceil(seconds), eta_unknown: null };
}
