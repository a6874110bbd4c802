/**
 * An hour of manifests or a day of a warehouse: its folder, its name, and whether it is over. And those that are over and still wait,
 * to explain why a marker is missing.
 */
import type { QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { type Partition, partitionOf } from '../../files/job-paths.js';
import type { ByteName } from '../../linux/index.js';
import { QUARTER_MS } from './plan.js';

export type PeriodState = 'open' | 'closed' | 'marking' | 'marked';

export interface Period {
  folder: string;
  state: PeriodState;
  owner: number;
  waitsJob: string | null;
  waitsWhy: string | null;
  changedMs: number;
  root: 'manifests' | 'warehouse';
  /** Below its root. */
  name: ByteName;
}

export type PeriodRow = Omit<Period, 'root' | 'name'>;
export const PERIOD_COLUMNS =
  'folder, state, owner, waits_job AS waitsJob, waits_why AS waitsWhy, changed_ms AS changedMs';

/** Lines that are being planned at this moment get an hour that is still open. */
const MARGIN_MS = 5_000;
/** A clock that is set back in autumn shows an hour again. */
const AGAIN_MS = 3 * 3_600_000;
/** A period that ended this long ago is over without further checks; there may be years of them. */
const LONG_OVER_MS = 48 * 3_600_000;

export const nameIn = (root: Period['root'], { date, hour }: Partition): ByteName =>
  root === 'manifests' ? hour : date;

/** True where the period is over in the time zones of all feeds that share its folder. Nobody knows that of a folder without a feed. */
export const isOver = ({ root, name }: Pick<Period, 'root' | 'name'>, feeds: readonly FeedOptions[], nowMs: number) =>
  feeds.length > 0 &&
  feeds.every(({ timezone }) => {
    const at = (ms: number): ByteName => nameIn(root, partitionOf(ms, timezone));
    if (name < at(nowMs - LONG_OVER_MS)) return true;
    if (name >= at(nowMs - MARGIN_MS)) return false;
    for (let ms = nowMs; ms <= nowMs + AGAIN_MS; ms += QUARTER_MS) if (at(ms) === name) return false;
    return true;
  });

/** The day `ingest_date=YYYY-MM-DD` of an hour, and the common beginning of the hours of a day. */
export const dateOfHour = (hour: string): ByteName =>
  `ingest_date=${hour.slice(0, 10).replaceAll('/', '-')}` as ByteName;
export const hoursOfDate = (date: string): string => `${date.slice('ingest_date='.length).replaceAll('-', '/')}/`;

/** The bounds of all texts that begin with `prefix`, which ends in a slash. */
export const below = (prefix: string): [from: string, to: string] => [prefix, `${prefix.slice(0, -1)}0`];

/** An hour is normally complete seconds after its end. A longer wait has a cause. */
export const WAITS_LONG_MS = 300_000;

const WAITING = `SELECT ${PERIOD_COLUMNS} FROM periods
  WHERE state <> 'marked' AND (waits_job IS NOT NULL OR waits_why IS NOT NULL)`;

/** The oldest come first. */
export const waitingPeriods = (view: Pick<QueueView, 'read'>, max: number): PeriodRow[] =>
  view.read((reader) => reader.all<PeriodRow>(`${WAITING} ORDER BY changed_ms, folder LIMIT ?`, max));

export const waitsForJob = (view: Pick<QueueView, 'read'>, job: string): PeriodRow[] =>
  view.read((reader) => reader.all<PeriodRow>(`${WAITING} AND waits_job = ? ORDER BY folder`, job));
