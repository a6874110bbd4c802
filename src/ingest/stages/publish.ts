/**
 * publish: copies the files of a stored content into the bucket of its feed, outputs first, and lets its line join a part.
 * Guarantees: a line joins only when all objects of its content are there. What the ledger says is asked in the transaction that
 * records them: a content that was withdrawn meanwhile gets no line. The line names the objects as the local line names the files.
 * Does not: remove anything. Local files go by the rounds (keep-local.ts), objects by a withdrawal (unpublish.ts).
 */
import { closeSync } from 'node:fs';
import type { Outcome, Tx } from '../../../queue/backend.js';
import { BucketError } from '../../bucket/errors.js';
import { PlaceError } from '../../files/place-error.js';
import { openEntry } from '../../files/probe.js';
import { type ByteName, nameOfBytes } from '../../linux/index.js';
import { type Processed, processedOf } from '../chains/recorded-outputs.js';
import { type Content, contentByRow } from '../ledger/content.js';
import {
  bucketRow,
  fileOf,
  giveUpPublishing,
  isRecorded,
  NOT_PUBLISHED,
  noteObject,
  noteUpload,
  ownPublication,
  type Publication,
  publicationsOf,
} from '../ledger/publications.js';
import { manifestLine } from '../manifest/record.js';
import { type FeedBucket, MOVED } from '../publishing/feed-bucket.js';
import { type Came, publishFile } from '../publishing/object.js';
import { joinPart } from '../publishing/parts.js';
import { TURN } from '../rules/reasons.js';
import { byErrno, failed } from './each-job.js';
import {
  type Batch,
  blocked,
  type Contents,
  defer,
  hold,
  type IngestJob,
  longerMs,
  retry,
  type Stage,
  tell,
  type Verdict,
} from './stage.js';

const SLOW_FIRST_MS = 1_000;
const SLOW_LONGEST_MS = 60_000;

export const publish: Stage = {
  name: 'publish',
  places: ['warehouse', 'bucket'],
  ofContent: true,
  byBytes: true,
  /** Its files may wait for a network: no stage before it keeps their claims for it. */
  isSlow: true,
  batchMax: 64,
  reasons: {
    bucket_slow: { short: 'asked to send less', who: 'nobody' },
    publishing: { short: 'until it is published', who: 'nobody' },
    correction_unput: { short: 'until its correction is published', who: 'nobody' },
    published: TURN,
  },

  async run(jobs, batch, contents) {
    const bucket = batch.bucket()!;
    const refusal = await bucket.enter().catch(ifMoved);
    if (refusal) return { verdicts: jobs.map(() => refusal) };
    const rows = rowsOf(jobs, batch, contents);
    const verdicts = await Promise.all(jobs.map((job, i) => one(job, batch, contents.get(job)!, rows[i]!, bucket)));
    return { verdicts: verdicts.map((verdict, i) => unlessWithdrawn(verdict, contents.get(jobs[i]!)!)) };
  },
};

/** The files of a content, with what is known of its line. */
interface Rows {
  files: Publication[];
  processed: Processed | undefined;
}

function rowsOf(jobs: readonly IngestJob[], { backend }: Batch, contents: Contents): Rows[] {
  const ids = jobs.map((job) => contents.get(job)!.row);
  return backend.read((reader) => {
    const files = publicationsOf(reader, ids);
    return ids.map((row, i) => ({
      files: files.get(row) ?? [],
      processed: jobs[i]!.facts.processed ? processedOf(reader, row) : undefined,
    }));
  });
}

/** A withdrawal waits for this job, also where it would be held or tried again. */
const unlessWithdrawn = ({ outcome, ...rest }: Verdict, { row }: Content): Verdict => ({
  ...rest,
  outcome: (tx, job): Outcome => {
    const decided = typeof outcome === 'function' ? outcome(tx, job) : outcome;
    return contentByRow(tx, row)?.state === 'withdrawn' ? { kind: 'advance' } : decided;
  },
});

/** Withdrawn, given up, or nobody saw it at its target: nothing is due. It may have become due since that was read. */
const passes = ({ row }: Content): Verdict => ({
  outcome: (tx): Outcome => (isDue(tx, row) ? { kind: 'defer', inMs: 0, why: 'published' } : { kind: 'advance' }),
});

const isDue = (tx: Tx, row: number): boolean =>
  contentByRow(tx, row)?.state === 'stored' && ownPublication(tx, row)?.part === null;

async function one(job: IngestJob, batch: Batch, content: Content, rows: Rows, bucket: FeedBucket): Promise<Verdict> {
  const own = rows.files.at(-1);
  if (content.state !== 'stored' || !own || own.part === NOT_PUBLISHED) return passes(content);
  const there: { file: Publication; came: Extract<Came, { kind: 'there' }> }[] = [];
  try {
    const due = rows.files.filter(({ etag }) => etag === null);
    // Before the first of them is sent: an output without its file would never get a line.
    for (const file of due.slice(1)) {
      const { target } = fileOf(content, rows.processed, file);
      if (!batch.files.inWarehouse(nameOfBytes(target!))) return gone(job, batch, content, nameOfBytes(target!));
    }
    for (const file of due) {
      if (batch.draining?.() && there.length === 0) return defer(0, 'draining');
      const came = await object(job, batch, content, rows, file, bucket);
      if ('outcome' in came) return came;
      there.push({ file, came });
    }
  } catch (error) {
    return refused(job, batch, error, bucket);
  }
  return {
    outcome: (tx): Outcome => {
      if (!isRecorded(batch.backend, bucket.options)) return LATER.outcome;
      for (const { file, came } of there) noteObject(tx, file, came.object.etag);
      join(tx, batch, content, rows, bucket);
      return { kind: 'advance' };
    },
    onSettled: () => tell(batch, job, 'file_published', { object: `${bucket.root}/${own.key}` }),
  };
}

/** Decides by what the ledger says now: a part that was read meanwhile may have its line. */
function join(tx: Tx, { feed }: Batch, { row }: Content, { files, processed }: Rows, bucket: FeedBucket): void {
  if (!isDue(tx, row)) return;
  const line = lineOf(contentByRow(tx, row)!, feed, { files, processed }, bucket);
  joinPart(tx, feed.name, row, line, false);
}

/** The local line, with the objects in the place of the files. */
function lineOf(content: Content, feed: Batch['feed'], { files, processed }: Rows, { root }: FeedBucket): string {
  const keys = new Map(files.map(({ n, key }) => [n, Buffer.from(key)]));
  const outputs = processed?.outputs.map((output) => ({ ...output, target: keys.get(output.n)! }));
  return manifestLine(
    { ...content, target: keys.get(0)! },
    { ...feed, warehouse: root },
    processed && { ...processed, outputs: outputs! },
  );
}

/** Returns a verdict where the file cannot be published. Errors: BucketError, PlaceError. */
async function object(
  job: IngestJob,
  batch: Batch,
  content: Content,
  { processed }: Rows,
  file: Publication,
  bucket: FeedBucket,
): Promise<Extract<Came, { kind: 'there' }> | Verdict> {
  const { target, size, sha256 } = fileOf(content, processed, file);
  const found = batch.files.inWarehouse(nameOfBytes(target!));
  if (!found) return gone(job, batch, content, nameOfBytes(target!));
  const opened = openEntry(found.entry);
  if (opened.fd === undefined)
    return byErrno(job, opened.code, `${batch.feed.warehouse}/${nameOfBytes(target!)} cannot be read (${opened.code})`);
  try {
    if (found.stat.size !== size) return changed(job, nameOfBytes(target!));
    const came = await publishFile(
      opened.fd,
      { key: file.key, ingestId: content.ingestId!, sha256, size, upload: file.upload },
      {
        bucket: bucket.bucket,
        throttle: batch.throttle(),
        noteUpload: (id) => bucket.transact((tx) => noteUpload(tx, file, id)),
      },
    );
    switch (came.kind) {
      case 'there':
        return came;
      case 'taken':
        return hold(
          'object_taken',
          `another object lies at ${bucket.root}/${file.key}, and nothing is overwritten`,
          job.facts,
        );
      case 'changed':
        return changed(job, nameOfBytes(target!));
      case 'nothing':
        return retry('bucket_doubt', came.why);
    }
  } finally {
    closeSync(opened.fd);
  }
}

/** A file that had left the warehouse before the feed had a bucket is passed by, once. */
function gone(job: IngestJob, batch: Batch, { row }: Content, target: ByteName): Verdict {
  const { feed, backend } = batch;
  const { before } = backend.read((reader) => bucketRow(reader, feed.name))!;
  if (row > before)
    return hold(
      'local_file_missing',
      `${feed.warehouse}/${target} is gone, and it is not in the bucket yet: put it back, then run \`ingest-ctl retry\``,
      job.facts,
    );
  return {
    outcome: (tx): Outcome => {
      giveUpPublishing(tx, row);
      tx.count(feed.name, 'publish', 'not_published', 1, 0);
      return { kind: 'advance' };
    },
    onSettled: () => tell(batch, job, 'file_not_published'),
  };
}

const changed = (job: IngestJob, target: ByteName): Verdict =>
  hold(
    'local_file_changed',
    `${target} in the warehouse has not the bytes that were stored, so it is not published: put the stored ones back, then run \`ingest-ctl retry\``,
    job.facts,
  );

/** The feed has another address by now. A worker reads the options of its feeds again after this time. */
export const LATER = { outcome: { kind: 'defer', inMs: 5_000, why: 'published' } } as const;

function ifMoved(error: unknown): Verdict {
  if (error instanceof PlaceError && error.code === MOVED) return LATER;
  throw error;
}

/** The verdict for what a request, or reading the local file, ended with. */
export async function refused(job: IngestJob, batch: Batch, error: unknown, bucket: FeedBucket): Promise<Verdict> {
  if (error instanceof PlaceError && error.code === MOVED) return LATER;
  if (error instanceof PlaceError) return blocked('publish', batch.feed.name, error, batch.emit);
  if (!(error instanceof BucketError)) return failed(job, batch, error);
  if (error.kind === 'slow') return defer(longerMs(job, 'bucket_slow', SLOW_FIRST_MS, SLOW_LONGEST_MS), 'bucket_slow');
  const isOfKey = (error.kind === 'denied' || error.kind === 'doubt') && (await bucket.mayWrite());
  if (isOfKey && error.kind === 'denied')
    return hold('object_refused', `the bucket refuses this object alone: ${error.message}`, job.facts);
  if (isOfKey) return retry('bucket_doubt', error.message);
  return blocked('publish', batch.feed.name, bucket.asPlaceError(error), batch.emit);
}
