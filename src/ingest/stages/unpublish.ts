/**
 * The part of a withdrawal that is in the bucket, after the local files were taken out: the correction goes there first, then the
 * objects are deleted, the content's own before its outputs.
 * Guarantees: waits while another job publishes the content, and until the part with the correction is in the bucket. Deletes only
 * the object that was published. Doing it twice is safe.
 */
import type { Outcome } from '../../../queue/backend.js';
import { processedOf } from '../chains/recorded-outputs.js';
import { type Content, contentByRow } from '../ledger/content.js';
import {
  forgetPublications,
  keysOf,
  ownPublication,
  type Publication,
  partToken,
  publicationsOf,
} from '../ledger/publications.js';
import { correctionLine } from '../manifest/record.js';
import type { FeedBucket } from '../publishing/feed-bucket.js';
import { isOurs } from '../publishing/object.js';
import { isInBucket, joinPart } from '../publishing/parts.js';
import { ifCurrent, refused } from './publish.js';
import { type Batch, defer, hold, type IngestJob, tell, type Verdict } from './stage.js';

const AGAIN_MS = 500;
const VERSIONS_MAX = 100;

export async function unpublish(job: IngestJob, batch: Batch): Promise<Verdict> {
  const row = job.facts.content ?? -1;
  const { backend } = batch;
  const content = backend.read((reader) => contentByRow(reader, row));
  const bucket = batch.bucket();
  if (!content?.target || !bucket) return over(job, batch, 0);
  const carrier = backend.job(content.carrier);
  if (carrier && carrier.id !== job.id && carrier.stage === 'publish' && IN_WORK.has(carrier.state))
    return defer(AGAIN_MS, 'publishing');
  try {
    await bucket.enter();
    const own = backend.read((reader) => ownPublication(reader, row));
    if (own?.part && own.correction === null) return correct(job, content, own, bucket);
    const correction = own?.correction ?? null;
    if (correction !== null && !backend.read((reader) => isInBucket(reader, correction)))
      return waits(correction, bucket);
    const { removed, notOurs } = await removeAll(batch, content, bucket);
    return notOurs === undefined
      ? over(job, batch, removed)
      : hold('object_taken', `${bucket.root}/${notOurs} ${NOT_OURS}`, job.facts);
  } catch (error) {
    return refused(job, batch, error, bucket);
  }
}

const NOT_OURS =
  "is not what was published there, so it is not deleted: delete it if it is nobody else's, then run `ingest-ctl retry`, or leave it there by `ingest-ctl discard`";

/** A held job does nothing; it finds out that its content was withdrawn when it goes on. */
const IN_WORK: ReadonlySet<string> = new Set(['ready', 'claimed', 'waiting']);

function correct(job: IngestJob, content: Content, { key }: Publication, bucket: FeedBucket): Verdict {
  const { options, root } = bucket;
  const { by, note = '' } = job.facts.putAway!;
  return ifCurrent(bucket, (tx) => {
    const said = { ...content, target: Buffer.from(key) };
    const line = correctionLine(said, { ...options, warehouse: root }, note, tx.wallMs, by);
    return waitFor(joinPart(tx, options.name, content.row, line, true));
  });
}

/** It may have come into the bucket since it was read. */
const waits = (part: string, bucket: FeedBucket): Verdict =>
  ifCurrent(bucket, (tx) => (isInBucket(tx, part) ? { kind: 'defer', inMs: 0, why: 'published' } : waitFor(part)));

const waitFor = (part: string): Outcome => ({ kind: 'wait', on: partToken(part), why: 'correction_unput' });

/**
 * By the keys that its line has, also where no row says that anything was published: an object may have come by a request whose answer
 * was lost, for a state that was lost since. What is deleted is what the store has just shown; with versions one may lie below it.
 * `notOurs`: a key that has another object.
 */
async function removeAll({ backend }: Batch, content: Content, { bucket, prefix }: FeedBucket) {
  const { row } = content;
  const files = backend.read(
    (reader) => publicationsOf(reader, [row]).get(row) ?? keysOf(prefix, content, processedOf(reader, row)),
  );
  for (const { key, upload } of files) if (upload !== null) await bucket.abort(key, upload);
  let removed = 0;
  let notOurs: string | undefined;
  for (const { key, size, sha256, etag } of files.toReversed()) {
    for (let tries = 0; tries < VERSIONS_MAX; tries++) {
      const there = await bucket.head(key);
      if (!there) break;
      if (!isOurs(there, { ingestId: content.ingestId!, sha256, size })) {
        if (tries === 0 && etag !== null) notOurs ??= key;
        break;
      }
      await bucket.remove(key, there);
      removed++;
    }
  }
  return { removed, notOurs };
}

function over(job: IngestJob, batch: Batch, removed: number): Verdict {
  const { content } = job.facts;
  return {
    outcome: (tx): Outcome => {
      if (content !== undefined && batch.bucket()) forgetPublications(tx, [content]);
      return { kind: 'finish', ending: 'withdrawn' };
    },
    onSettled: () => {
      if (removed > 0) tell(batch, job, 'objects_removed', { objects: removed });
    },
  };
}
