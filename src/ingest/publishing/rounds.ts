/**
 * The work for a bucket beside the batches: it puts parts, marks hours, gives jobs to contents that no job publishes, removes local
 * files that are kept long enough, and gives up uploads that nobody goes on with. Each is a level: a round that is lost is made up for.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import { ulidFactory } from '../../../queue/index.js';
import { BucketError } from '../../bucket/errors.js';
import { PlaceError } from '../../files/place-error.js';
import type { FeedFiles } from '../files/feed-files.js';
import { closeForPlace } from '../health/episode.js';
import { contentByRow } from '../ledger/content.js';
import { exceptionsOf } from '../ledger/exceptions.js';
import { bucketRow } from '../ledger/publications.js';
import { payloadOf } from '../rules/facts.js';
import { adoptWithdrawal, withdrawalOf } from '../upkeep/withdrawal.js';
import type { FeedBucket } from './feed-bucket.js';
import { removeLocal } from './keep-local.js';
import { sha256Of } from './object.js';
import { closeDue, hourOf, msOf, partIsPut, putPart } from './parts.js';

const PAGE = 1_000;
const HOUR_MS = 3_600_000;
const SWEEP_EVERY_MS = HOUR_MS;
/** An upload that nobody has in a row is a day old before it is given up: a request may still be on its way. */
const ORPHAN_MS = 24 * HOUR_MS;

export class PublishingRounds {
  #sweptMs = Number.NEGATIVE_INFINITY;
  constructor(private readonly of: FeedBucket) {}

  /** A failure closes the gate. `isHurried`: nothing more is expected. */
  async round(files: FeedFiles, isHurried: boolean): Promise<void> {
    const { backend, feed, emit } = this.of;
    // Its probe finds out when it can be used again.
    if (backend.gates().some((gate) => gate.feed === feed && gate.place === 'bucket')) return;
    try {
      await this.of.inPlace(() => this.#all(files, isHurried));
    } catch (error) {
      if (!(error instanceof PlaceError)) throw error;
      const isNew = await backend.transact((tx) => closeForPlace(tx, feed, 'publish', error));
      if (isNew)
        emit('gate_closed', { feed, stage: 'publish', place: 'bucket', code: error.code, reason: error.message });
    }
  }

  async #all(files: FeedFiles, isHurried: boolean): Promise<void> {
    await this.of.enter();
    await this.#putParts(isHurried);
    if (this.of.options.successMarkers) await this.#markHours();
    await this.#giveJobs();
    if (this.of.options.keepLocalMs !== undefined) await removeLocal(this.of, files, this.of.options.keepLocalMs);
    if (performance.now() - this.#sweptMs < SWEEP_EVERY_MS) return;
    await this.#sweep();
    this.#sweptMs = performance.now();
  }

  /** The oldest first: what is in the bucket is known up to an id. */
  async #putParts(isHurried: boolean): Promise<void> {
    const { backend, bucket, prefix, feed } = this.of;
    if (backend.read((reader) => reader.get('SELECT 1 FROM parts WHERE feed = ? LIMIT 1', feed)) === undefined) return;
    for (const part of await backend.transact((tx) => closeDue(tx, feed, isHurried))) {
      if ((await putPart(bucket, prefix, part)) === 'foreign')
        throw new BucketError(
          'place',
          'prefix_shared',
          `the bucket ${bucket.where}: another state writes below ${prefix.folder}: stop one of the two, and start this one again`,
        );
      await backend.transact((tx) => partIsPut(tx, part.id));
    }
  }

  /** No part comes into an hour that has its marker, also if the clock is set back. */
  async #markHours(): Promise<void> {
    const { backend, bucket, prefix, feed } = this.of;
    const hours = backend.read((reader) =>
      reader.all<{ hour: string }>('SELECT hour FROM part_hours WHERE feed = ? ORDER BY hour LIMIT ?', feed, PAGE),
    );
    for (const { hour } of hours) {
      const endMs = Date.parse(`${hour.replace(/^(\d+)\/(\d+)\/(\d+)\//, '$1-$2-$3T')}:00:00Z`) + HOUR_MS;
      if (Date.now() < endMs) return;
      const isOver = await backend.transact((tx) => {
        const open = tx.all<{ id: string }>('SELECT id FROM parts WHERE feed = ?', feed);
        if (open.some(({ id }) => hourOf(id) === hour)) return false;
        tx.run('UPDATE buckets SET part_ms = max(part_ms, ?) WHERE feed = ?', endMs - 1, feed);
        return true;
      });
      if (!isOver) return;
      const nothing = Buffer.alloc(0);
      try {
        await bucket.put(`${prefix.folder}_manifests/${hour}/_SUCCESS`, { bytes: nothing, sha256: sha256Of(nothing) });
      } catch (error) {
        if (!(error instanceof BucketError) || error.kind !== 'taken') throw error;
      }
      await backend.transact((tx) => tx.run('DELETE FROM part_hours WHERE feed = ? AND hour = ?', feed, hour));
    }
  }

  /** Contents that were stored before the option was given, or that a rebuilt or older state has as not published. */
  async #giveJobs(): Promise<void> {
    const { backend, feed } = this.of;
    const { cursor } = backend.read((reader) => bucketRow(reader, feed))!;
    if (cursor === null) return;
    await backend.transact((tx) => {
      const { last } = tx.get<{ last: number }>('SELECT coalesce(max(row), 0) AS last FROM contents')!;
      for (const { row } of tx.all<{ row: number }>(DUE, feed, cursor, cursor + PAGE)) giveJob(tx, this.of, row);
      const next = cursor + PAGE < last ? cursor + PAGE : null;
      tx.run('UPDATE buckets SET cursor = ? WHERE feed = ? AND cursor = ?', next, feed, cursor);
    });
  }

  async #sweep(): Promise<void> {
    const { backend, bucket, prefix, feed, emit } = this.of;
    const { uploads, nowMs } = await bucket.uploads(prefix.folder);
    for (const { key, id, startedMs } of uploads) {
      const isKnown = backend.read((reader) => reader.get('SELECT 1 FROM publications WHERE upload = ?', id));
      if (isKnown !== undefined || !(nowMs - startedMs > ORPHAN_MS)) continue;
      await bucket.abort(key, id);
      emit('upload_given_up', { feed, object: `${this.of.root}/${key}` });
    }
  }
}

const DUE = `SELECT c.row FROM contents c LEFT JOIN publications p ON p.content = c.row AND p.n = 0
  WHERE +c.feed = ? AND c.row > ? AND c.row <= ?
    AND ((c.state = 'stored' AND (p.part IS NULL OR (p.part > '' AND EXISTS (
        SELECT 1 FROM publications q WHERE q.content = c.row AND q.etag IS NULL)))) OR (c.state = 'withdrawn' AND p.content IS NOT NULL))`;

function giveJob(tx: Tx, { options, backend }: FeedBucket, row: number): void {
  const content = contentByRow(tx, row)!;
  if (content.state === 'withdrawn') {
    if (withdrawalOf(backend, content)) return;
    const said = exceptionsOf(tx, content).find(
      ({ kind, generation }) => kind === 'withdraw' && generation === content.generation,
    );
    const { who = 'ingest', why = 'withdrawn' } = said ?? {};
    adoptWithdrawal(tx, options, content, ulidFactory(Date.now)(), { who, why });
    return;
  }
  const { carrier: id, feed, sourcePath: key, size: bytes, device, inode, mtimeNs } = content;
  const isMade = tx.get('SELECT 1 FROM processed WHERE content = ?', row) !== undefined;
  const payload = payloadOf({
    content: row,
    sha256: content.sha256.toString('hex'),
    ...(isMade && { processed: true }),
  });
  tx.adopt({ id, feed, key, identity: `${device}:${inode}:${bytes}:${mtimeNs}:0`, bytes, stage: 'publish', payload });
}

/** True while something is on its way that no job has. */
export const isPublishing = (reader: Reader, feed: string): boolean =>
  reader.get('SELECT 1 FROM parts WHERE feed = ? LIMIT 1', feed) !== undefined ||
  reader.get('SELECT 1 FROM buckets WHERE feed = ? AND cursor IS NOT NULL', feed) !== undefined;

export const partAgeMs = (id: string, nowMs: number): number => nowMs - msOf(id);
