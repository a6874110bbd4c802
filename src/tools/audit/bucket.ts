/**
 * The part of an audit that is in a bucket: its objects, compared with what the state has published there.
 * Guarantees: only reads. An object is called unknown only where the state has read all lines of the bucket. Both are read in the order of their keys, a page at a time. An object that is missing in a page is asked
 * for by itself, so what comes while it is compared is no difference.
 */
import { firstUlid, type QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { pages } from '../../base/pages.js';
import { BucketClient, type Listed } from '../../bucket/client.js';
import { partKey } from '../../bucket/keys.js';
import { prunedUntil } from '../../ingest/ledger/pruned.js';
import { addressOf, bucketRow } from '../../ingest/ledger/publications.js';
import { type DifferenceKind, difference, type Report } from './words.js';

const PAGE = 1_000;

const ROWS = `SELECT key, etag FROM publications
  WHERE key > ? AND key < ? AND etag IS NOT NULL ORDER BY key LIMIT ${PAGE}`;

/** A publication that was given up may have sent objects: they have no line. */
const KNOWN = `SELECT 1 FROM publications p JOIN publications own ON own.content = p.content AND own.n = 0
  WHERE p.key = ? AND (own.part IS NULL OR own.part > '')`;

/** Parts, hours and the marker, below the prefix. */
const OTHERS = /^_(manifests|hours)\/|^_ingest\.json$/;

/** In the key of the object of a file. */
const INGEST_ID = /([0-9A-Z]{26})~[^/]*$/;

/** Errors: BucketError. */
export async function judgeBucket(view: QueueView, feed: FeedOptions, report: Report): Promise<void> {
  const bucket = new BucketClient(feed);
  const { bucket: name, folder } = bucket.prefix;
  const say = (kind: DifferenceKind, key: string, what: string): void =>
    report(difference(kind, feed.name, `s3://${name}/${key}`, what));
  const pruned = firstUlid(view.read(prunedUntil) ?? 0);
  /** The state may have forgotten that it published it. */
  const isForgotten = (key: string): boolean => (INGEST_ID.exec(key)?.[1] ?? pruned) < pruned;
  const demand = async ({ key }: Listed): Promise<void> => {
    if (!(await bucket.head(key))) say('object_missing', key, 'it was published, and is gone');
  };
  try {
    const now = await readUpTo(view, feed, bucket);
    const isRead = now?.isRead === true;
    if (!isRead)
      say('bucket_unread', partKey(bucket.prefix, now?.next ?? 0), 'this state has not read the lines there');
    const rows = rowsOf(view, folder);
    let row = rows.next();
    for await (const { key, etag } of bucket.list()) {
      if (OTHERS.test(key.slice(folder.length))) continue;
      for (; !row.done && row.value.key < key; row = rows.next()) await demand(row.value);
      if (!row.done && row.value.key === key) {
        if (row.value.etag !== '' && row.value.etag !== etag)
          say('object_differs', key, 'it is not what was published');
        row = rows.next();
      } else if (isRead && !isKnown(view, key) && !isForgotten(key)) say('object_unknown', key, 'no line names it');
    }
    for (; !row.done; row = rows.next()) await demand(row.value);
  } finally {
    await bucket.close();
  }
}

/** A service that puts parts meanwhile is followed. */
async function readUpTo(view: QueueView, feed: FeedOptions, bucket: BucketClient) {
  const rowNow = () => view.read((reader) => bucketRow(reader, feed.name));
  for (let row = rowNow(); row !== undefined; ) {
    const { next } = row;
    const isThere = (await bucket.get(partKey(bucket.prefix, next))) !== undefined;
    row = rowNow();
    if (row?.next === next) return { next, isRead: row.address === addressOf(feed) && !isThere };
  }
  return undefined;
}

const isKnown = (view: QueueView, key: string): boolean => view.read((reader) => reader.get(KNOWN, key)) !== undefined;

/** The published objects, in the order of their keys. */
function* rowsOf(view: QueueView, folder: string): Generator<Listed> {
  const end = `${folder.slice(0, -1)}0`;
  const pageAfter = (last?: Listed) => view.read((reader) => reader.all<Listed>(ROWS, last?.key ?? folder, end));
  for (const page of pages(pageAfter)) yield* page;
}
