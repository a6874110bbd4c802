/** How far the files of contents are in the bucket of their feed. */
import type { Backend, Reader, Tx } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import { objectKey, type Prefix, prefixOf } from '../../bucket/keys.js';
import { nameOfBytes } from '../../linux/index.js';
import { type Processed, processedOf } from '../chains/recorded-outputs.js';
import { type Content, contentsByRow } from './content.js';

/** A file of a content as an object. */
export interface Publication {
  content: number;
  /** 0: its own file; else its output. */
  n: number;
  key: string;
  upload: string | null;
  /** Null: it was not seen there. '': a line says that it is there. Or GIVEN_UP. */
  etag: string | null;
  /** The part with the line, in the row of the own file. Null: due. '': not published. */
  part: string | null;
  correction: string | null;
  isLocal: 0 | 1;
  /** Its own file could not be removed by --keep-local, and stays. */
  isKept: 0 | 1;
  /** The file itself, as the ledger has it. */
  target: Buffer | null;
  size: number;
  sha256: Buffer;
}

/** `etag` of an object that was gone, and was given up although a line names it: the local file stays. */
export const GIVEN_UP = 'given up';
/** `part` of a content that had left its target before anything was published. */
export const NOT_PUBLISHED = '';

const SELECT = `SELECT p.content, p.n, key, upload, etag, part, correction, is_local AS isLocal, is_kept AS isKept, coalesce(o.target, c.target) AS target,
    coalesce(o.size, c.size, 0) AS size, coalesce(o.sha256, c.sha256) AS sha256
  FROM publications p LEFT JOIN contents c ON c.row = p.content LEFT JOIN outputs o ON o.content = p.content AND o.n = p.n`;

/** By content; outputs first, the own file last. */
export function publicationsOf(reader: Reader, contents: readonly number[]): Map<number, Publication[]> {
  const rows = reader.all<Publication>(
    `${SELECT} WHERE p.content IN (SELECT value FROM json_each(?)) ORDER BY p.content, p.n DESC`,
    JSON.stringify(contents),
  );
  return Map.groupBy(rows, ({ content }) => content) as Map<number, Publication[]>;
}

export const ownPublication = (reader: Reader, content: number): Publication | undefined =>
  reader.get<Publication>(`${SELECT} WHERE p.content = ? AND p.n = 0`, content);

/** Its own file was not removed, or could not be. */
export const isHere = ({ isLocal, isKept }: Publication): boolean => isLocal === 1 || isKept === 1;

/** The files of a content with the keys of their objects; outputs first. A content with a line has an id and targets. */
export function keysOf(
  prefix: Prefix,
  { ingestId, target, size, sha256 }: Content,
  processed: Processed | undefined,
): Pick<Publication, 'n' | 'key' | 'upload' | 'etag' | 'size' | 'sha256'>[] {
  const files = [{ n: 0, target, size, sha256 }, ...(processed?.outputs ?? [])].filter((file) => file.target !== null);
  const keyOf = (name: Buffer): string => objectKey(prefix, ingestId!, nameOfBytes(name));
  return files.reverse().map((file) => ({ ...file, key: keyOf(file.target!), upload: null, etag: null }));
}

export function enterPublications(
  tx: Tx,
  { row }: Pick<Content, 'row'>,
  keys: readonly { n: number; key: string }[],
): void {
  for (const { n, key } of keys) tx.run(ENTER, n, key, row);
}

const ENTER = `INSERT OR IGNORE INTO publications (content, n, feed, key, hour)
  SELECT row, ?, feed, ?, hour FROM contents WHERE row = ?`;

/** They are stored: from now on their objects and lines are owed. */
export function owePublications(
  tx: Tx,
  { publish, name }: { publish?: string | undefined; name: string },
  rows: readonly number[],
): void {
  const prefix = prefixOf(publish!, name);
  for (const content of contentsByRow(tx, rows).values())
    if (content.target !== null) enterPublications(tx, content, keysOf(prefix, content, processedOf(tx, content.row)));
}

export const noteUpload = (tx: Tx, { content, n }: Publication, upload: string | null): void =>
  void tx.run('UPDATE publications SET upload = ? WHERE content = ? AND n = ?', upload, content, n);

export const noteObject = (tx: Tx, { content, n }: Publication, etag: string): void =>
  void tx.run('UPDATE publications SET etag = ?, upload = NULL WHERE content = ? AND n = ?', etag, content, n);

/** `isKept`: its own file could not be removed, and stays. */
export const noteLocalGone = (tx: Tx, content: number, isKept = false): void =>
  void tx.run('UPDATE publications SET is_local = 0, is_kept = ? WHERE content = ?', Number(isKept), content);

export const forgetPublications = (tx: Tx, contents: readonly number[]): void =>
  void tx.run('DELETE FROM publications WHERE content IN (SELECT value FROM json_each(?))', JSON.stringify(contents));

/**
 * It stays out of the bucket. Where its line is there already, an audit names the objects that are not. The sweep takes an upload that
 * no row has.
 */
export function giveUpPublishing(tx: Tx, content: number): void {
  tx.run('UPDATE publications SET part = ? WHERE content = ? AND n = 0 AND part IS NULL', NOT_PUBLISHED, content);
  tx.run('UPDATE publications SET upload = NULL WHERE content = ?', content);
  if (ownPublication(tx, content)?.part)
    tx.run('UPDATE publications SET etag = coalesce(etag, ?) WHERE content = ?', GIVEN_UP, content);
}

/** The token that wakes the jobs which wait for a part. */
export const partToken = (id: string): string => `part:${id}`;

/**
 * In SQL, of a content: its object and line are not in the bucket yet, nobody has looked whether they are, or its local file is to be
 * removed; its record is needed.
 */
export const NOT_PUBLISHED_YET = `(EXISTS (SELECT 1 FROM buckets b WHERE b.feed = contents.feed AND b.cursor >= 0 AND contents.row > b.cursor)
  OR EXISTS (SELECT 1 FROM publications p JOIN buckets b ON b.feed = contents.feed
  WHERE p.content = contents.row AND p.n = 0
    AND (p.part IS NULL OR (p.part > ''
      AND (p.is_local AND b.removes_local AND p.etag IS NOT '${GIVEN_UP}' OR p.part IN (SELECT id FROM parts))))))`;

/** The cursor of a feed without the option: all are looked through when it has it again, and no record is kept for that. */
const AWAY = -1;

/** Contents that ended here with nothing owed, in a feed that has a bucket: a worker had options of before. They are looked for. */
export function lookAgain(tx: Tx, feed: string, rows: readonly number[]): void {
  const before = Math.min(...rows) - 1;
  tx.run(
    'UPDATE buckets SET cursor = min(coalesce(cursor, ?), ?) WHERE feed = ? AND cursor IS NOT ?',
    ...[before, before, feed, AWAY],
  );
}

export interface BucketRow {
  feed: string;
  address: string;
  before: number;
  cursor: number | null;
  next: number;
}

export const bucketRow = (reader: Reader, feed: string): BucketRow | undefined =>
  reader.get<BucketRow>('SELECT feed, address, before, cursor, next FROM buckets WHERE feed = ?', feed);

/** The bucket as a state knows it. Another address is another bucket. */
export const addressOf = ({ publish, publishEndpoint }: Pick<FeedOptions, 'publish' | 'publishEndpoint'>): string =>
  `${publishEndpoint ?? 'aws'} ${publish}`;

/** The feed has this address, as its options were recorded last. */
export function isRecorded(backend: Pick<Backend, 'feedOptions'>, feed: FeedOptions): boolean {
  const recorded = backend.feedOptions(feed.name) as FeedOptions | undefined;
  return recorded === undefined || addressOf(recorded) === addressOf(feed);
}

/** At another address all contents are due. */
export function enterBucket(tx: Tx, feed: FeedOptions): void {
  if (bucketRow(tx, feed.name)?.address !== addressOf(feed)) {
    leaveBucket(tx, feed.name);
    enterNew(tx, feed);
  }
  noteRemoves(tx, feed);
}

const noteRemoves = (tx: Tx, { name, keepLocalMs }: FeedOptions): void =>
  void tx.run('UPDATE buckets SET removes_local = ? WHERE feed = ?', keepLocalMs === undefined ? 0 : 1, name);

const enterNew = (tx: Tx, feed: FeedOptions): void =>
  void tx.run(
    `INSERT INTO buckets (feed, address, before, cursor, next, removes_local)
     SELECT ?, ?, coalesce(max(row), 0), CASE WHEN max(row) IS NULL THEN NULL ELSE 0 END, 0, 0 FROM contents`,
    ...[feed.name, addressOf(feed)],
  );

/** The jobs that wait for a part of the feed. */
const wakeWaiting = (tx: Tx, feed: string): void =>
  tx.wake(tx.all<{ id: string }>('SELECT id FROM parts WHERE feed = ?', feed).map(({ id }) => partToken(id)));

/** As if nothing had been published. What the bucket has is read from it. */
export function leaveBucket(tx: Tx, feed: string): void {
  wakeWaiting(tx, feed);
  tx.run('DELETE FROM part_lines WHERE part IN (SELECT id FROM parts WHERE feed = ?)', feed);
  for (const table of ['publications', 'parts', 'bucket_hours', 'buckets'])
    tx.run(`DELETE FROM ${table} WHERE feed = ?`, feed);
}

/**
 * At a start. A feed that has the option for the first time: what is stored from now on is stored with it, also while the bucket
 * cannot be used. A feed without it: contents that are stored meanwhile are looked for when it is back.
 */
export async function noteOption(
  backend: Pick<Backend, 'read' | 'transact'>,
  feeds: readonly FeedOptions[],
): Promise<void> {
  const isUsed = feeds.some(({ publish }) => publish !== undefined);
  if (!isUsed && backend.read((reader) => reader.get('SELECT 1 FROM buckets LIMIT 1')) === undefined) return;
  await backend.transact((tx) => {
    for (const feed of feeds) {
      const { name, publish } = feed;
      if (publish === undefined) {
        tx.run('UPDATE buckets SET cursor = ? WHERE feed = ?', AWAY, name);
        wakeWaiting(tx, name);
      } else if (!bucketRow(tx, name)) enterNew(tx, feed);
      // No record is forgotten before it was published at another address, too. A file that consumers took while the option was away
      // counts as not published.
      else
        tx.run(
          `UPDATE buckets SET before = CASE cursor WHEN ? THEN (SELECT coalesce(max(row), 0) FROM contents) ELSE before END, cursor = 0
           WHERE feed = ? AND (cursor = ? OR address <> ?)`,
          ...[AWAY, name, AWAY, addressOf(feed)],
        );
      noteRemoves(tx, feed);
    }
  });
}
