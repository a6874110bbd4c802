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
import { processedOf } from '../chains/recorded-outputs.js';
import type { FeedFiles } from '../files/feed-files.js';
import { type Content, contentByRow } from '../ledger/content.js';
import {
  bucketRow,
  giveUpPublishing,
  NOT_PUBLISHED,
  noteObject,
  noteUpload,
  ownPublication,
  type Publication,
  publicationsOf,
} from '../ledger/publications.js';
import { manifestLine } from '../manifest/record.js';
import { type FeedBucket, MOVED } from '../publishing/feed-bucket.js';
import { lyingAt } from '../publishing/keep-local.js';
import { ownObject, publishFile, SMALL_BYTES } from '../publishing/object.js';
import { joinPart } from '../publishing/parts.js';
import { TURN } from '../rules/reasons.js';
import { byErrno, failed } from './each-job.js';
import {
  type Batch,
  defer,
  hold,
  type IngestJob,
  longerMs,
  retry,
  type Stage,
  tell,
  type Verdict,
  verdictsOf,
} from './stage.js';

const SLOW_FIRST_MS = 1_000;
const SLOW_LONGEST_MS = 60_000;
/** One failure of a store is nothing to act on. */
const FAILS_LATE_MS = 300_000;
const SLOW_LATE_MS = 3_600_000;

export const publish: Stage = {
  name: 'publish',
  places: ['warehouse', 'bucket'],
  ofContent: true,
  byBytes: true,
  /** Its files may wait for a network: no stage before it keeps their claims for it. */
  isSlow: true,
  batchMax: 64,
  batchBytesMax: SMALL_BYTES,
  reasons: {
    bucket_slow: {
      short: 'asked to send less',
      who: 'nobody',
      finding: {
        afterMs: SLOW_LATE_MS,
        sentence: ({ which }) => `The store asks again and again to send less, at each request that writes ${which}.`,
        release: () => 'see the log of the store, its load and its disks; the file is tried again by itself',
      },
    },
    bucket_fails: {
      short: 'not taken by the store',
      who: 'operator',
      finding: {
        afterMs: FAILS_LATE_MS,
        sentence: ({ which }) => `The store fails at each request that writes ${which}, and answers others.`,
        release: () => 'see the log of the store, and its disks; the file is tried again by itself',
      },
    },
    publishing: { short: 'until it is published', who: 'nobody' },
    correction_unput: { short: 'until its correction is published', who: 'nobody' },
    published: TURN,
  },

  async run(jobs, batch, contents) {
    const bucket = batch.bucket()!;
    const refusal = await bucket.enter().catch(ifMoved);
    if (refusal) return { verdicts: jobs.map(() => refusal) };
    const rows = jobs.map((job) => contents.get(job)!.row);
    const filesBy = batch.backend.read((reader) => publicationsOf(reader, rows));
    const works = jobs.map((job): Work => {
      const content = contents.get(job)!;
      return { job, batch, bucket, content, files: filesBy.get(content.row) ?? [] };
    });
    const handled: (Verdict | PlaceError)[] = [];
    let failing: PlaceError | undefined;
    for (const group of byMemory(works)) {
      // A store that does not answer is waited for once. A folder that is closed concerns only its files.
      const ends = await Promise.all(group.map((work) => failing ?? one(work).catch(unlessPlace)));
      handled.push(...ends);
      failing = ends.find((end): end is PlaceError => end instanceof PlaceError && end.place === 'bucket');
    }
    const verdicts = verdictsOf(this.name, batch, handled);
    return { verdicts: verdicts.map((verdict, n) => unlessWithdrawn(verdict, works[n]!.content)) };
  },
};

function unlessPlace(error: unknown): PlaceError {
  if (error instanceof PlaceError) return error;
  throw error;
}

/** Each has one body in memory at a time, of a file or an output. Those of a group are sent at once, and have `SMALL_BYTES` together. */
function byMemory(works: readonly Work[]): Work[][] {
  const groups: Work[][] = [];
  let left = 0;
  for (const work of works) {
    const sizes = work.files.map(({ etag, size }) => (etag === null ? Math.min(size, SMALL_BYTES) : 0));
    const bytes = Math.max(0, ...sizes);
    if (groups.length === 0 || bytes > left) {
      groups.push([]);
      left = SMALL_BYTES;
    }
    groups.at(-1)!.push(work);
    left -= bytes;
  }
  return groups;
}

/** A content to be published. */
interface Work {
  job: IngestJob;
  batch: Batch;
  bucket: FeedBucket;
  content: Content;
  /** Outputs first, the own file last. */
  files: Publication[];
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
function passes(job: IngestJob, batch: Batch, { row }: Content): Verdict {
  let isUnseen = false;
  return {
    outcome: (tx): Outcome => {
      if (isDue(tx, row)) return { kind: 'defer', inMs: 0, why: 'published' };
      isUnseen = isDue(tx, row, 'unconfirmed');
      if (isUnseen) notPublished(tx, batch, row);
      return { kind: 'advance' };
    },
    onSettled: () => {
      if (isUnseen) tell(batch, job, 'file_not_published');
    },
  };
}

const isDue = (tx: Tx, row: number, state = 'stored'): boolean =>
  contentByRow(tx, row)?.state === state && ownPublication(tx, row)?.part === null;

function notPublished(tx: Tx, { feed }: Batch, row: number): void {
  giveUpPublishing(tx, row);
  tx.count(feed.name, 'publish', 'not_published', 1, 0);
}

async function one(work: Work): Promise<Verdict> {
  const { job, batch, bucket, content, files } = work;
  const own = files.at(-1);
  if (content.state !== 'stored' || !own || own.part === NOT_PUBLISHED) return passes(job, batch, content);
  const etags = new Map<Publication, string>();
  try {
    const due = files.filter(({ etag }) => etag === null);
    // Before the first of them is sent: an output without its file would never get a line.
    for (const file of due.slice(1))
      if (!atWarehouse(batch, localFile(content, file)) && !(await ownObject(bucket.bucket, content, file)))
        return gone(work, file);
    for (const file of due) {
      if (batch.draining?.() && etags.size === 0) return defer(0, 'draining');
      const etag = await object(work, file);
      if (typeof etag !== 'string') return etag;
      etags.set(file, etag);
    }
  } catch (error) {
    return refused(job, batch, error, bucket);
  }
  return {
    ...ifCurrent(bucket, (tx) => {
      for (const [file, etag] of etags) noteObject(tx, file, etag);
      join(tx, work);
      return { kind: 'advance' };
    }),
    onSettled: () => tell(batch, job, 'file_published', { object: `${bucket.root}/${own.key}` }),
  };
}

/** If it hangs, its process is ended, and the gate of the place that was noted is closed. */
function atWarehouse<Found>({ worksOn, files }: Batch, act: (files: FeedFiles) => Found): Found {
  worksOn(undefined, 'warehouse');
  try {
    return act(files);
  } finally {
    worksOn(undefined);
  }
}

const localFile = (content: Content, file: Publication) => (files: FeedFiles) =>
  lyingAt(files, { target: nameOf(file), n: file.n }, content);

/** Below the warehouse. */
const nameOf = ({ target }: Publication): ByteName => nameOfBytes(target!);

/**
 * Lets the local line join a part, with the objects in the place of the files. Decides by what the ledger says now: a part that was
 * read meanwhile may have its line.
 */
function join(tx: Tx, { batch: { feed }, bucket, content: { row }, files }: Work): void {
  if (!isDue(tx, row)) return;
  const processed = processedOf(tx, row);
  const keys = new Map(files.map(({ n, key }) => [n, Buffer.from(key)]));
  const outputs = processed?.outputs.map((output) => ({ ...output, target: keys.get(output.n)! })) ?? [];
  const line = manifestLine(
    { ...contentByRow(tx, row)!, target: keys.get(0)! },
    { ...feed, warehouse: bucket.root },
    processed && { ...processed, outputs },
  );
  joinPart(tx, feed.name, row, line, false);
}

/** Returns the ETag, or a verdict where the file cannot be published. Errors: BucketError, PlaceError. */
async function object(work: Work, file: Publication): Promise<string | Verdict> {
  const { job, batch, bucket, content } = work;
  const name = nameOf(file);
  const found = atWarehouse(batch, (files) => {
    const there = localFile(content, file)(files);
    return there && { stat: there.stat, opened: openEntry(there.entry) };
  });
  // It may have come by a try whose end nobody recorded.
  if (!found) return (await ownObject(bucket.bucket, content, file))?.etag ?? gone(work, file);
  const { opened, stat } = found;
  if (opened.fd === undefined)
    return byErrno(job, opened.code, `${batch.feed.warehouse}/${name} cannot be read (${opened.code})`);
  try {
    if (stat.size !== file.size) return changed(job, name);
    const came = await publishFile({
      ...file,
      ...{ fd: opened.fd, ingestId: content.ingestId!, bucket: bucket.bucket, throttle: batch.throttle() },
      noteUpload: (id) => bucket.transact((tx) => noteUpload(tx, file, id)),
    });
    switch (came.kind) {
      case 'there':
        return came.etag;
      case 'taken':
        return hold(
          'object_taken',
          `another object lies at ${bucket.root}/${file.key}, and nothing is overwritten`,
          job.facts,
        );
      case 'changed':
        return changed(job, name);
      case 'nothing':
        return inDoubt(job, came.error);
    }
  } finally {
    closeSync(opened.fd);
  }
}

/** A file that had left the warehouse before the feed had a bucket is passed by, once. */
function gone(work: Work, file: Publication): Verdict {
  const { job, content, batch } = work;
  const { feed, backend } = batch;
  const { before } = backend.read((reader) => bucketRow(reader, feed.name))!;
  if (content.row > before)
    return hold(
      'local_file_missing',
      `${feed.warehouse}/${nameOf(file)} is gone, and it is not in the bucket yet: put it back, then run \`ingest-ctl retry\``,
      job.facts,
    );
  return {
    outcome: (tx): Outcome => {
      notPublished(tx, batch, content.row);
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
const LATER = { outcome: { kind: 'defer', inMs: 5_000, why: 'published' } } as const;

/** A decision about a bucket counts only while its feed has that address. Else the job comes again. */
export const ifCurrent = (bucket: FeedBucket, decide: (tx: Tx) => Outcome): Verdict => ({
  outcome: (tx) => (bucket.isCurrent(tx) ? decide(tx) : LATER.outcome),
});

function ifMoved(error: unknown): Verdict {
  if (error instanceof PlaceError && error.code === MOVED) return LATER;
  throw error;
}

/** A store that fails may answer other requests, such as a probe: its files wait, and no attempt is spent. */
const inDoubt = (job: IngestJob, error: BucketError): Verdict =>
  error.isOfStore
    ? defer(longerMs(job, 'bucket_fails', SLOW_FIRST_MS, SLOW_LONGEST_MS), 'bucket_fails')
    : retry('bucket_doubt', error.message);

/** The verdict for what a request, or reading the local file, ended with. Errors: PlaceError. */
export async function refused(job: IngestJob, batch: Batch, error: unknown, bucket: FeedBucket): Promise<Verdict> {
  if (error instanceof PlaceError && error.code === MOVED) return LATER;
  if (error instanceof PlaceError) throw error;
  if (!(error instanceof BucketError)) return failed(job, batch, error);
  if (error.kind === 'slow') return defer(longerMs(job, 'bucket_slow', SLOW_FIRST_MS, SLOW_LONGEST_MS), 'bucket_slow');
  // A 403 has a reason only where an answer has a body, and the reason may be over before the marker is asked: a clock that was off.
  if (!(await bucket.isOfKey(error))) throw bucket.asPlaceError(error);
  return error.kind === 'denied'
    ? retry('object_refused', `the bucket refuses this object alone: ${error.message}`)
    : inDoubt(job, error);
}
