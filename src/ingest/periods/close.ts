/**
 * Closes the hours and days of feeds with --success-markers. An hour that is over is closed (no line is planned in it after that
 * commit), checked until all its contents are stored, and marked. A day is marked when it is over and its hours are marked.
 * Guarantees: a marker exists only where nothing is on its way. The state says what a missing marker waits for. Idle, it
 * writes nothing.
 * Does not: mark a period without lines, or one below a root that the feed no longer has. (Periods of a moved root follow it.)
 */
import type { Backend, Reader } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { errnoOf, PlaceError } from '../../files/place-error.js';
import { type ByteName, shownName } from '../../linux/index.js';
import type { FeedFiles } from '../files/feed-files.js';
import { UNDER_WAY } from '../ledger/content.js';
import { givenUpBelow, warehouseOf } from '../ledger/names.js';
import { correctionsPath, manifestPath } from '../manifest/append.js';
import { mark } from './mark.js';
import { below, dateOfHour, hoursOfDate, isOver, PERIOD_COLUMNS, type Period, type PeriodRow } from './period.js';
import { dateFolder, noteOpen } from './plan.js';

/** The most that one round does, so that a first start beside years of manifests delays nothing else. */
const MARKED_MAX = 100;
const NOTED_MAX = 1_000;

export interface Closing {
  backend: Backend;
  emit: Emit;
  files: Pick<FeedFiles, 'manifests' | 'warehouse'>;
  /** Notes the place in which this process may hang; '': none. */
  hand: (place: string) => void;
}

/** Takes a period only if it is unchanged since it was read. */
const TAKE = 'UPDATE periods SET owner = ? WHERE folder = ? AND owner = ? AND state = ?';

/** The knowledge of one process about the periods of its feeds. */
export class Periods {
  readonly #noted = new Set<string>();

  /** One round. Hours come first: the day that ends with them may follow at once. */
  async close(closing: Closing, feed: FeedOptions, isStopped: () => boolean): Promise<void> {
    if (!feed.successMarkers) return;
    const { backend } = closing;
    await this.#noteEarlier(backend, feed);
    const feeds = feedsOf(backend);
    let left = MARKED_MAX;
    for (const root of ['manifests', 'warehouse'] as const) {
      const periods = backend.read((reader) => unmarked(reader, feed, root));
      for (const period of await closeOver(backend, periods, feeds)) {
        if (isStopped() || left === 0) return;
        if (await this.#finish(closing, feed.name, period, feeds(period))) left--;
      }
    }
  }

  /** Notes hours that got their lines before the option was set, or before a state was rebuilt. */
  async #noteEarlier(backend: Backend, feed: FeedOptions): Promise<void> {
    const of = `${feed.manifests}\0${feed.warehouse}`;
    if (this.#noted.has(of)) return;
    const folders = backend.read((reader) => earlier(reader, feed));
    for (let at = 0; at < folders.length; at += NOTED_MAX)
      await backend.transact((tx) => noteOpen(tx, folders.slice(at, at + NOTED_MAX)));
    this.#noted.add(of);
  }

  /** Returns true where the period was marked. */
  async #finish(closing: Closing, feed: string, period: Period, feeds: readonly FeedOptions[]): Promise<boolean> {
    const { backend, emit, files, hand } = closing;
    const { folder, owner, state } = period;
    // A stopped owner may go on at any moment.
    if (owner !== 0 && owner !== backend.owner && backend.isAlive(owner)) return false;
    const job = backend.read((reader) => unstored(reader, period, feeds));
    if (job !== undefined) return noteWaits(backend, period, { job, why: null });
    const waits = backend.read((reader) => owed(reader, period, feeds));
    if (waits !== undefined) return noteWaits(backend, period, waits);
    const took = await backend.transact((tx) => tx.run(TAKE, backend.owner, folder, owner, state).changes === 1);
    if (!took) return false;
    hand(period.root);
    try {
      const isMarked = await mark(backend, files[period.root], period);
      emit('period_closed', { feed, folder, marked: isMarked });
    } catch (error) {
      const code = error instanceof PlaceError ? error.code : errnoOf(error);
      if (code === undefined) throw error;
      return noteWaits(backend, period, { job: null, why: `its _SUCCESS, which cannot be made there (${code})` });
    } finally {
      hand('');
    }
    return true;
  }
}

/** The feeds that write into a period. All processes have their options in the state. */
function feedsOf(backend: Backend): (period: Period) => FeedOptions[] {
  const all = backend.feeds().map(({ options }) => options as unknown as FeedOptions);
  return ({ root, folder, name }) => all.filter((feed) => `${feed[root]}/${name}` === folder);
}

/** Closes the periods that are over, and returns all closed ones. */
async function closeOver(
  backend: Backend,
  periods: readonly Period[],
  feeds: (period: Period) => FeedOptions[],
): Promise<Period[]> {
  const nowMs = Date.now();
  const over = periods.filter((period) => period.state === 'open' && isOver(period, feeds(period), nowMs));
  if (over.length > 0)
    await backend.transact((tx) => {
      for (const { folder } of over)
        tx.run(
          "UPDATE periods SET state = 'closed', changed_ms = ? WHERE folder = ? AND state = 'open'",
          tx.wallMs,
          folder,
        );
    });
  return periods.flatMap((period) => {
    // Its root was moved since, and its feeds have other folders.
    if (feeds(period).length === 0) return [];
    if (period.state !== 'open') return [period];
    return over.includes(period) ? [{ ...period, state: 'closed' as const }] : [];
  });
}

async function noteWaits(backend: Backend, { folder, waitsJob, waitsWhy }: Period, waits: Waits): Promise<false> {
  if (waits.job !== waitsJob || waits.why !== waitsWhy)
    await backend.transact((tx) =>
      tx.run('UPDATE periods SET waits_job = ?, waits_why = ? WHERE folder = ?', waits.job, waits.why, folder),
    );
  return false;
}

export function unmarked(reader: Reader, feed: FeedOptions, root: Period['root']): Period[] {
  const rows = reader.all<PeriodRow>(
    `SELECT ${PERIOD_COLUMNS} FROM periods WHERE state <> 'marked' AND folder >= ? AND folder < ? ORDER BY folder`,
    ...below(`${feed[root]}/`),
  );
  return rows.map((row) => ({ ...row, root, name: row.folder.slice(feed[root].length + 1) as ByteName }));
}

/** True where a worker has something to do here now. */
export function isDue(backend: Backend, feed: FeedOptions): boolean {
  if (!feed.successMarkers) return false;
  const feeds = feedsOf(backend);
  const nowMs = Date.now();
  return (['manifests', 'warehouse'] as const).some((root) =>
    backend
      .read((reader) => unmarked(reader, feed, root))
      .some((period) =>
        period.state === 'open'
          ? isOver(period, feeds(period), nowMs)
          : period.waitsJob === null && period.waitsWhy === null,
      ),
  );
}

const HOUR_FILE = /^(\d{4}\/\d\d\/\d\d\/\d\d)\/manifest\.jsonl$/;

function earlier(reader: Reader, feed: FeedOptions): string[] {
  const files = reader.all<{ file: string }>(
    'SELECT file FROM manifest_ends WHERE file >= ? AND file < ? AND end_at > 0',
    ...below(`${feed.manifests}/`),
  );
  const hours = files.flatMap(({ file }) => HOUR_FILE.exec(file.slice(feed.manifests.length + 1))?.[1] ?? []);
  const folders = new Set(
    hours.flatMap((hour) => [`${feed.manifests}/${hour}`, dateFolder(feed, { date: dateOfHour(hour) })]),
  );
  const known = (folder: string) => reader.get('SELECT 1 FROM periods WHERE folder = ?', folder) !== undefined;
  return [...folders].filter((folder) => !known(folder));
}

/**
 * The thing that a closed period still waits for: its first content that is not stored, the first hour of a day without its marker, or a
 * line or correction that is being written.
 */
interface Waits {
  job: string | null;
  why: string | null;
}

const UNSTORED = `SELECT carrier FROM contents WHERE ${UNDER_WAY} AND feed = ? AND hour >= ? AND hour < ? LIMIT 1`;

/** The carrier of a content of the period that is not stored. `feeds`: all feeds that share its folder. */
function unstored(reader: Reader, { root, name }: Period, feeds: readonly FeedOptions[]): string | undefined {
  const hours = root === 'manifests' ? [name, `${name}~`] : below(hoursOfDate(name));
  for (const feed of feeds) {
    const first = reader.get<{ carrier: string }>(UNSTORED, feed.name, ...hours);
    if (first) return first.carrier;
  }
  return undefined;
}

/**
 * Call it after `unstored` found nothing. A discard removes a content and leaves a correction in one transaction, so in the other
 * order both might be missed.
 */
function owed(reader: Reader, { root, folder, name }: Period, feeds: readonly FeedOptions[]): Waits | undefined {
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
  // They share the warehouse. One that has never run has no number for it.
  const warehouse = feeds.map(({ name }) => warehouseOf(reader, name)).find((number) => number !== undefined);
  const givenUp = warehouse === undefined ? undefined : givenUpBelow(reader, warehouse, date);
  return givenUp && { job: null, why: `${feeds[0]!.warehouse}/${shownName(givenUp)}, which was given up` };
}
