/**
 * The figures of queue-stat, and their JSON form: stages in the pipeline's order, gates, owners, totals.
 * Guarantees: field names are the words of the product; a field is never taken away or given another meaning.
 */

import type { Counter, HeldFor, QueueView, StageStats } from '../../../queue/index.js';
import { statsUsed } from '../../base/config/values/stage-names.js';
import { sumOf } from '../../base/telemetry/metrics.js';
import { chainCounts } from '../../ingest/chains/counts.js';
import { ON_TRIAL } from '../../ingest/health/episode.js';
import type { Finding } from '../../ingest/health/finding.js';
import { isWithChild, jobsInProgress } from '../../ingest/health/in-progress.js';
import { processesOf } from '../../ingest/health/processes.js';
import { waitsOf } from '../../ingest/stages/waits.js';
import type { PlaceReport } from '../figures/free-space.js';
import { serviceReport } from '../figures/service.js';
import { type Rates, ratesOf, throughputOf } from '../figures/throughput.js';
import { AGE_BOUNDS, agesOf, type Grouping } from './ages.js';
import { recordsOf } from './chains.js';
import { findings } from './findings.js';

export const heldByCode = ({ feed, stage, code, jobs }: HeldFor) => ({ feed, stage, code, files: jobs });

export type Report = ReturnType<typeof lookAt>;

/** The finding is about files that are held. */
export const isOfHeld = ({ held_by_code: held }: Pick<Report, 'held_by_code'>, one: Finding): boolean =>
  held.some((by) => by.code === one.code && by.feed === one.feed && by.stage === one.stage);

/** The endings of files; the kinds of outcomes are counted beside them. */
const ENDINGS = ['stored', 'duplicate', 'discarded', 'withdrawn', 'drop'];
const LEAVING = ['advance', 'finish'];

export function lookAt(
  view: QueueView,
  statePath: string,
  { feed, by = 'stage', places = [] }: { feed?: string | undefined; by?: Grouping; places?: readonly PlaceReport[] },
) {
  const rates = ratesOf(view);
  const held = view.heldFor();
  const reasons = view.reasons();
  const all = statsUsed(view.stats(held), view.feeds());
  const processes = processesOf(view);
  const wanted = (name: string) => feed === undefined || name === feed;
  const gates = view.gates().filter(({ stage }) => stage !== ON_TRIAL);
  const feeds = view.feeds().map(({ name }) => name);
  return {
    state_path: statePath,
    service: serviceReport(processes),
    /** All feeds together, then each. */
    throughput: throughputOf(view, feeds, all, gates, rates).filter((one) => feed === undefined || one.feed === feed),
    places: places.filter((one) => one.feed === '*' || wanted(one.feed)),
    stages: stagesOf(view, all, rates).filter((stage) => wanted(stage.feed)),
    gates: gates
      .filter((gate) => gate.feed === '*' || wanted(gate.feed))
      .map(({ feed, stage, cause, place, code, reason, sinceMs, untilMs }) => ({
        feed,
        stage,
        cause,
        place,
        code,
        reason,
        since: new Date(sinceMs).toISOString(),
        /** When a pause opens by itself; null: when somebody acts. */
        until: untilMs === null ? null : new Date(untilMs).toISOString(),
      })),
    workers: processes,
    /** Files on their way that nobody works on, by feed and reason. */
    waits: waitsOf(view, { stats: all, gates, reasons }).filter((one) => wanted(one.feed)),
    held_by_code: held.filter((one) => wanted(one.feed)).map(heldByCode),
    /** The worst first. */
    findings: findings(view, statePath, { stats: all, held, reasons, processes }).filter(
      (one) => one.feed === '*' || wanted(one.feed),
    ),
    /** The ages of files that are not done, held files included. */
    ages: { by, bounds_seconds: AGE_BOUNDS, rows: agesOf(view, by, feed) },
    /** Counts since the state was created. */
    totals: totalsOf(view, wanted),
    /** One entry for each feed with a chain. */
    records: recordsOf(view, rates(recordsByFeed)).filter((one) => wanted(one.feed)),
  };
}

/** In the order of feeds and stages. */
function stagesOf(view: QueueView, all: readonly StageStats[], rates: Rates) {
  const rate = rates(leftOf);
  const inProgress = jobsInProgress(view);
  const order = view.stages;
  return all
    .toSorted((a, b) =>
      a.feed === b.feed ? order.indexOf(a.stage) - order.indexOf(b.stage) : a.feed < b.feed ? -1 : 1,
    )
    .map(({ oldestAgeMs, bytes, ...stats }) => ({
      ...stats,
      /** A process works on one of the claimed jobs at a time in each thread. */
      in_progress: isWithChild(stats.stage)
        ? stats.claimed
        : inProgress.filter(({ feed, stage }) => feed === stats.feed && stage === stats.stage).length,
      /** The age of the oldest job that is not done. */
      oldest_age_seconds: Math.round(oldestAgeMs / 1000),
      files_per_second: rate(`${stats.feed}\0${stats.stage}`),
      bytes,
    }));
}

const recordsByFeed = (counters: readonly Counter[]): Map<string, number> =>
  new Map([...chainCounts(counters)].map(([feed, { records }]) => [feed, records]));

/** The number of files that have left each stage of each feed. */
function leftOf(counters: readonly Counter[]): Map<string, number> {
  const leaving = counters.filter(({ name }) => LEAVING.includes(name));
  const stages = Map.groupBy(leaving, ({ feed, stage }) => `${feed}\0${stage}`);
  return new Map([...stages].map(([key, its]) => [key, sumOf(its).files]));
}

function totalsOf(view: QueueView, wanted: (feed: string) => boolean) {
  const endings = view.counters().filter(({ feed, name }) => wanted(feed) && ENDINGS.includes(name));
  return [...Map.groupBy(endings, ({ feed, name }) => `${feed}\0${name}`).values()].map((its) => {
    const { feed, name } = its[0]!;
    return { feed, name: name === 'drop' ? 'dropped' : name, ...sumOf(its) };
  });
}
