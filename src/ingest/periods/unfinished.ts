/**
 * Finds what a closed period still waits for: its first content that is not stored, the first hour of a day without its
 * marker, or a line or correction that is being written.
 * An index of the ledger could answer this, but it would dirty a page for each file. Each content has a reservation from the plan of
 * its line until seconds after it is stored. So the reservations of the day are read, one page at a time, and only once for a
 * period: nothing is added to a closed period, so contents that were stored need no second check.
 */
import type { Backend, Reader } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { ByteName } from '../../linux/index.js';
import { correctionsPath, manifestPath } from '../manifest/append.js';
import { below, dateOfHour, hoursOfDate, type Period } from './period.js';

const PAGE = 2_000;

export interface Waits {
  job: string | null;
  why: string | null;
}

/** By folder and feed: the last reservation up to which all contents are stored. */
export type Passed = Map<string, string>;

const RESERVED = `SELECT r.path, c.feed, c.hour, c.state, c.carrier
  FROM (SELECT path, content FROM reservations WHERE path > ? AND path < ? ORDER BY path LIMIT ${PAGE}) r
  LEFT JOIN contents c ON c.row = r.content ORDER BY r.path`;
type Reserved = [path: string, feed: string | null, hour: string | null, state: string | null, carrier: string];

/** The carrier of a content of the period that is not stored. `feeds`: all feeds that share its folder. */
export async function unstored(
  backend: Pick<Backend, 'read'>,
  period: Period,
  feeds: readonly FeedOptions[],
  passed: Passed,
): Promise<string | undefined> {
  const date = period.root === 'manifests' ? dateOfHour(period.name) : period.name;
  for (const feed of feeds) {
    const at = `${period.folder}\0${feed.name}`;
    const [first, to] = below(`${feed.warehouse}/${date}/`);
    const blocks = ([, of, hour, state]: Reserved): boolean =>
      of === feed.name && state !== 'stored' && (period.root === 'warehouse' || hour === period.name);
    for (let after = passed.get(at) ?? first, more = true; more; ) {
      const page = backend.read((reader) => reader.arrays(RESERVED, after, to)) as Reserved[];
      const found = page.findIndex(blocks);
      after = (found < 0 ? page.at(-1) : page[found - 1])?.[0] ?? after;
      passed.set(at, after);
      if (found >= 0) return page[found]![4];
      more = page.length === PAGE;
      if (more) await new Promise(setImmediate);
    }
  }
  return undefined;
}

/**
 * Call it after `unstored` found nothing. A discard removes a content and leaves a correction in one transaction, so in the other
 * order both might be missed.
 */
export function owed(reader: Reader, { root, folder, name }: Period, feeds: readonly FeedOptions[]): Waits | undefined {
  return root === 'manifests' ? owedInHour(reader, folder, name, feeds) : owedInDay(reader, name, feeds);
}

function owedInHour(reader: Reader, folder: string, hour: ByteName, feeds: readonly FeedOptions[]): Waits | undefined {
  const root = folder.slice(0, -hour.length);
  for (const file of [manifestPath(hour), correctionsPath(hour)])
    if (reader.get('SELECT 1 FROM appends WHERE file = ?', root + file))
      return { job: null, why: `a line that is being written to ${root}${file}` };
  const corrections = reader.all<{ job: string; feed: string | null }>(
    'SELECT c.job, j.feed FROM corrections c LEFT JOIN all_jobs j ON j.id = c.job WHERE c.hour = ?',
    hour,
  );
  const one = corrections.find(({ feed }) => feeds.some(({ name }) => name === feed));
  return one && { job: one.job, why: null };
}

function owedInDay(reader: Reader, date: ByteName, feeds: readonly FeedOptions[]): Waits | undefined {
  for (const { manifests } of feeds) {
    const hour = reader.get<{ folder: string }>(
      "SELECT folder FROM periods WHERE state <> 'marked' AND folder >= ? AND folder < ? LIMIT 1",
      ...below(`${manifests}/${hoursOfDate(date)}`),
    );
    if (hour) return { job: null, why: `the hour ${hour.folder}` };
  }
  return undefined;
}
