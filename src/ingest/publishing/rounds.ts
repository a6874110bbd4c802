/**
 * The work for a bucket beside the batches: it puts parts, marks hours, gives jobs to contents that no job publishes, removes local
 * files that are kept long enough, and gives up uploads that nobody goes on with. Each is a level: a round that is lost is made up for.
 */
import { bodyOf } from '../../bucket/client.js';
import { BucketError } from '../../bucket/errors.js';
import { hourKey } from '../../bucket/keys.js';
import { PlaceError } from '../../files/place-error.js';
import type { FeedFiles } from '../files/feed-files.js';
import { closeForPlace, isShut } from '../health/episode.js';
import { bucketRow } from '../ledger/publications.js';
import { hoursToMark, isPublishing } from './due.js';
import { type FeedBucket, MOVED } from './feed-bucket.js';
import { giveJob } from './give-job.js';
import { dueToRemove, removeLocal } from './keep-local.js';
import { putParts } from './parts.js';

const PAGE = 1_000;
const HOUR_MS = 3_600_000;
const SWEEP_EVERY_MS = HOUR_MS;
/** An upload that nobody has in a row is a day old before it is given up: a request may still be on its way. */
const ORPHAN_MS = 24 * HOUR_MS;

export class PublishingRounds {
  #sweptMs = Number.NEGATIVE_INFINITY;

  /** `hand`: notes the place in which this process may hang; '': none. `ending`: a file that is read to be removed stays. */
  constructor(
    private readonly of: FeedBucket,
    private readonly hand: (place: string) => void,
    private readonly ending: AbortSignal,
  ) {}

  /** A failure closes the gate. `isHurried`: nothing more is expected. */
  async round(isHurried: boolean): Promise<void> {
    const { backend, feed } = this.of;
    // Its probe finds out when it can be used again.
    if (isShut(backend, feed, 'bucket')) return;
    // The store is asked only when something is due; of uploads that are left over no row says so.
    const isDue = backend.read((reader) => isPublishing(reader, { ...this.of.options, keepLocalMs: undefined }));
    await this.#orClose(async () => {
      if (isDue) await this.of.inPlace(() => this.#all(isHurried));
      if (performance.now() - this.#sweptMs < SWEEP_EVERY_MS) return;
      if (isDue || (!isHurried && this.of.isKnown)) await this.#sweep();
    });
  }

  /** Beside the rounds: a large file is read for minutes, and parts do not wait for that. A failure closes the gate. */
  async removeLocal(files: FeedFiles): Promise<void> {
    const { backend, feed, options } = this.of;
    const { keepLocalMs } = options;
    // A warehouse that hangs would hold up the rounds of all feeds.
    if (keepLocalMs === undefined || isShut(backend, feed, 'bucket') || isShut(backend, feed, 'warehouse')) return;
    if (backend.read((reader) => dueToRemove(reader, feed, keepLocalMs)).length === 0) return;
    await this.#orClose(() =>
      this.of.inPlace(async () => {
        await this.of.enter();
        this.hand('warehouse');
        await removeLocal(this.of, files, keepLocalMs, this.ending).finally(() => this.hand(''));
      }),
    );
  }

  async #orClose(act: () => Promise<void>): Promise<void> {
    const { backend, feed, emit } = this.of;
    try {
      await act();
    } catch (error) {
      if (!(error instanceof PlaceError)) throw error;
      // The next round has the new options.
      if (error.code === MOVED) return;
      const isNew = await backend.transact((tx) => closeForPlace(tx, feed, 'publish', error));
      if (isNew)
        emit('gate_closed', { feed, stage: 'publish', place: error.place, code: error.code, reason: error.message });
    }
  }

  async #all(isHurried: boolean): Promise<void> {
    await this.of.enter();
    await putParts(this.of, isHurried);
    if (this.of.options.successMarkers) await this.#markHours();
    await this.#giveJobs();
  }

  /** An hour gets its marker when it has one here, and all its lines are in parts. */
  async #markHours(): Promise<void> {
    const { backend, bucket, prefix, feed, options } = this.of;
    for (const hour of backend.read((reader) => hoursToMark(reader, options))) {
      const { next } = backend.read((reader) => bucketRow(reader, feed))!;
      await bucket.put(hourKey(prefix, hour), bodyOf(Buffer.from(`${JSON.stringify({ hour, through: next - 1 })}\n`)));
      await this.of.transact((tx) =>
        tx.run('INSERT OR IGNORE INTO bucket_hours (feed, hour) VALUES (?, ?)', feed, hour),
      );
    }
  }

  /** Contents that were stored before the option was given, or that a rebuilt or older state has as not published. */
  async #giveJobs(): Promise<void> {
    const { backend, feed } = this.of;
    const { cursor } = backend.read((reader) => bucketRow(reader, feed))!;
    if (cursor === null) return;
    await this.of.transact((tx) => {
      // By rows, not by numbers: a rebuild leaves a gap of a million.
      const { through } = tx.get<{ through: number | null }>(PAGE_END, cursor, PAGE)!;
      if (through !== null)
        for (const { row } of tx.all<{ row: number }>(DUE, feed, cursor, through)) giveJob(tx, this.of, row);
      tx.run('UPDATE buckets SET cursor = ? WHERE feed = ? AND cursor = ?', through, feed, cursor);
    });
  }

  /** A failure is tried again an hour later: nothing waits for it. */
  async #sweep(): Promise<void> {
    const { backend, bucket, feed, root, emit } = this.of;
    this.#sweptMs = performance.now();
    try {
      const { uploads, nowMs } = await bucket.uploads();
      for (const { key, id, startedMs } of uploads) {
        const isKnown = backend.read((reader) => reader.get('SELECT 1 FROM publications WHERE upload = ?', id));
        if (isKnown !== undefined || !(nowMs - startedMs > ORPHAN_MS)) continue;
        await bucket.abort(key, id);
        emit('upload_given_up', { feed, object: `${root}/${key}` });
      }
    } catch (error) {
      if (!(error instanceof BucketError)) throw error;
      emit('uploads_unswept', { feed, bucket: bucket.where, code: error.code, reason: error.sentence });
    }
  }
}

const PAGE_END = 'SELECT max(row) AS through FROM (SELECT row FROM contents WHERE row > ? ORDER BY row LIMIT ?)';
/** A withdrawal is cheap to do again, and the state may not know how far it was. */
const DUE = `SELECT c.row FROM contents c LEFT JOIN publications p ON p.content = c.row AND p.n = 0
  WHERE +c.feed = ? AND c.row > ? AND c.row <= ? AND c.target IS NOT NULL
    AND (c.state = 'withdrawn' OR (c.state = 'stored' AND (p.part IS NULL OR (p.part > '' AND EXISTS (
      SELECT 1 FROM publications q WHERE q.content = c.row AND q.etag IS NULL)))))`;
