/**
 * The figures of queue-stat, and their JSON form: stages in the pipeline's order, gates, owners, totals.
 * Guarantees: field names are the words of the product; a field is never taken away or given another meaning.
 */

import type { Counter, HeldFor, QueueView } from '../../../queue/index.js';
import { statsUsed } from '../../base/config/values/stage-names.js';
import { chainCounts } from '../../ingest/chains/counts.js';
import { ON_TRIAL } from '../../ingest/health/episode.js';
import type { Finding } from '../../ingest/health/finding.js';
import { isWithChild, jobsInProgress } from '../../ingest/health/in-progress.js';
import { type Process, ProcessWatch } from '../../ingest/health/processes.js';
import { type Wait, waitsOf } from '../../ingest/stages/waits.js';
import type { PlaceReport } from '../figures/free-space.js';
import { Rates } from '../figures/rates.js';
import { type ServiceReport, serviceReport } from '../figures/service.js';
import { type Throughput, throughputOf } from '../figures/throughput.js';
import { AGE_BOUNDS, type AgeRow, agesOf, type Grouping } from './ages.js';
import { type RecordsReport, recordsOf } from './chains.js';
import { findings } from './findings.js';

export interface StageReport {
  feed: string;
  stage: string;
  ready: number;
  deferred: number;
  /** Claimed by a process. `in_progress` of them are in progress: a process works on one at a time in each thread. */
  claimed: number;
  in_progress: number;
  waiting: number;
  held: number;
  /** The age of the oldest job that is not done. */
  oldest_age_seconds: number;
  files_per_second: number;
  /** The bytes of the jobs in this stage. */
  bytes: number;
}

export interface HeldByCode {
  feed: string;
  stage: string;
  code: string;
  files: number;
}

export const heldByCode = ({ feed, stage, code, jobs }: HeldFor): HeldByCode => ({ feed, stage, code, files: jobs });

export interface Report {
  state_path: string;
  service: ServiceReport;
  /** All feeds together, then each. */
  throughput: Throughput[];
  places: readonly PlaceReport[];
  stages: StageReport[];
  gates: {
    feed: string;
    stage: string;
    cause: string;
    place: string;
    code: string;
    reason: string;
    since: string;
    /** When a pause opens by itself; null: when somebody acts. */
    until: string | null;
  }[];
  workers: Process[];
  /** Files on their way that nobody works on, by feed and reason. */
  waits: Wait[];
  held_by_code: HeldByCode[];
  /** The worst first. */
  findings: Finding[];
  /** The ages of files that are not done, held files included. */
  ages: { by: Grouping; bounds_seconds: readonly number[]; rows: AgeRow[] };
  /** Counts since the state was created. */
  totals: { feed: string; name: string; files: number; bytes: number }[];
  /** One entry for each feed with a chain. */
  records: RecordsReport[];
}

/** The finding is about files that are held. */
export const isOfHeld = ({ held_by_code: held }: Pick<Report, 'held_by_code'>, one: Finding): boolean =>
  held.some((by) => by.code === one.code && by.feed === one.feed && by.stage === one.stage);

/** The endings of files; the kinds of outcomes are counted beside them. */
const ENDINGS = ['stored', 'duplicate', 'discarded', 'withdrawn', 'drop'];
const LEAVING = ['advance', 'finish'];

/** A caller that reads again passes the same `watch` each time. */
export function lookAt(
  view: QueueView,
  statePath: string,
  {
    feed,
    by = 'stage',
    watch = new ProcessWatch(),
    places = [],
  }: { feed?: string | undefined; by?: Grouping; watch?: ProcessWatch; places?: readonly PlaceReport[] },
): Report {
  const rates = new Rates(view);
  const rate = rates.by(leftOf);
  const inProgress = jobsInProgress(view);
  const held = view.heldFor();
  const reasons = view.reasons();
  const all = statsUsed(view.stats(held), view.feeds());
  const processes = watch.check(view);
  const wanted = (name: string) => feed === undefined || name === feed;
  const order = view.stages;
  const gates = view.gates().filter(({ stage }) => stage !== ON_TRIAL);
  const feeds = view.feeds().map(({ name }) => name);
  return {
    state_path: statePath,
    service: serviceReport(processes),
    throughput: throughputOf(view, feeds, all, gates, rates).filter((one) => feed === undefined || one.feed === feed),
    places: places.filter((one) => one.feed === '*' || wanted(one.feed)),
    stages: all
      .filter((stats) => wanted(stats.feed))
      .sort((a, b) => (a.feed === b.feed ? order.indexOf(a.stage) - order.indexOf(b.stage) : a.feed < b.feed ? -1 : 1))
      .map(({ oldestAgeMs, bytes, ...stats }) => ({
        ...stats,
        in_progress: isWithChild(stats.stage)
          ? stats.claimed
          : inProgress.filter(({ feed: of, stage }) => of === stats.feed && stage === stats.stage).length,
        oldest_age_seconds: Math.round(oldestAgeMs / 1000),
        files_per_second: Math.round(rate(`${stats.feed}\0${stats.stage}`) * 10) / 10,
        bytes,
      })),
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
        until: untilMs === null ? null : new Date(untilMs).toISOString(),
      })),
    workers: processes,
    waits: waitsOf(view, { stats: all, gates, reasons }).filter((one) => wanted(one.feed)),
    held_by_code: held.filter((one) => wanted(one.feed)).map(heldByCode),
    findings: findings(view, statePath, { stats: all, held, reasons, processes }).filter(
      (one) => one.feed === '*' || wanted(one.feed),
    ),
    ages: { by, bounds_seconds: AGE_BOUNDS, rows: agesOf(view, by, feed) },
    totals: totalsOf(view, wanted),
    records: recordsOf(view, rates.by(recordsByFeed)).filter((one) => wanted(one.feed)),
  };
}

const recordsByFeed = (counters: readonly Counter[]): Map<string, number> =>
  new Map([...chainCounts(counters)].map(([feed, { records }]) => [feed, records]));

/** The number of files that have left each stage of each feed. */
function leftOf(counters: readonly Counter[]): Map<string, number> {
  const left = new Map<string, number>();
  for (const { feed, stage, name, files } of counters) {
    const key = `${feed}\0${stage}`;
    if (LEAVING.includes(name)) left.set(key, (left.get(key) ?? 0) + files);
  }
  return left;
}

function totalsOf(view: QueueView, wanted: (feed: string) => boolean): Report['totals'] {
  const totals = new Map<string, Report['totals'][number]>();
  for (const { feed, name, files, bytes } of view.counters()) {
    if (!wanted(feed) || !ENDINGS.includes(name)) continue;
    const known = totals.get(`${feed}\0${name}`) ?? {
      feed,
      name: name === 'drop' ? 'dropped' : name,
      files: 0,
      bytes: 0,
    };
    totals.set(`${feed}\0${name}`, { ...known, files: known.files + files, bytes: known.bytes + bytes });
  }
  return [...totals.values()];
}
