/**
 * The periodic `metrics` event: exact totals from the counters of the state, rates since the last event, and what
 * waits in each stage. One process of a state emits it (the producer's), for the whole state.
 * Does not: write to the state.
 */
import type { Backend, StageStats } from '../../../queue/backend.js';
import type { QueueView } from '../../../queue/index.js';
import { stagesUsed, statsUsed } from '../config/values/stage-names.js';
import type { Emit } from './emit.js';

/** The endings that count as processed: the content is in the warehouse, now or before. */
export const PROCESSED: readonly string[] = ['stored', 'duplicate'];

/** Emits until `stop` is called; `emitNow` emits at once, as at the end of a run that is shorter than the interval. */
export function startMetrics(
  backend: Backend,
  intervalSeconds: number,
  emit: Emit,
): { emitNow: () => void; stop: () => void } {
  const read = metricsReader(backend);
  const emitNow = () => emit('metrics', { ...read() });
  const timer = setInterval(emitNow, intervalSeconds * 1000);
  timer.unref();
  return { emitNow, stop: () => clearInterval(timer) };
}

/** Each call answers the state of things now, with rates since the call before. */
export function metricsReader(backend: Backend) {
  let last = { at: performance.now(), ...processed(backend) };
  return () => {
    const at = performance.now();
    const total = processed(backend);
    const seconds = Math.max((at - last.at) / 1000, 0.001);
    const metrics = {
      files_processed: total.files,
      bytes_processed: total.bytes,
      files_per_second: rate(total.files - last.files, seconds),
      bytes_per_second: rate(total.bytes - last.bytes, seconds),
      ...depth(backend),
    };
    last = { at, ...total };
    return metrics;
  };
}

const rate = (amount: number, seconds: number): number => Math.round((amount / seconds) * 10) / 10;

interface Amount {
  files: number;
  bytes: number;
}

export const sumOf = (amounts: readonly Amount[]): Amount =>
  amounts.reduce((sum, { files, bytes }) => ({ files: sum.files + files, bytes: sum.bytes + bytes }), {
    files: 0,
    bytes: 0,
  });

/** Since the state was made. */
export const processed = (view: Pick<QueueView, 'counters'>): Amount =>
  sumOf(view.counters().filter(({ name }) => PROCESSED.includes(name)));

/** The same from counts by their name. */
export const processedIn = (counts: ReadonlyMap<string, Amount>): Amount =>
  sumOf(PROCESSED.flatMap((name) => counts.get(name) ?? []));

/** Jobs that are not done, without held ones. */
export const onTheWay = ({ ready, deferred, claimed, waiting }: Counted): number =>
  ready + deferred + claimed + waiting;
type Counted = Pick<StageStats, 'ready' | 'deferred' | 'claimed' | 'waiting'>;

/** `queue_depth`: jobs per stage that are on their way. */
function depth(backend: Backend): { queue_depth: Record<string, number>; held: number } {
  const feeds = backend.feeds();
  const queue_depth: Record<string, number> = {};
  for (const stage of stagesUsed(feeds.map(({ options }) => options))) queue_depth[stage] = 0;
  let held = 0;
  for (const { stage, ...stats } of statsUsed(backend.stats(), feeds)) {
    queue_depth[stage] = (queue_depth[stage] ?? 0) + onTheWay(stats);
    held += stats.held;
  }
  return { queue_depth, held };
}
