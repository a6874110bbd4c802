/** One row of the ledger, as the rest of the program uses it. Times in wall-clock ms; 64-bit values as decimal text or bigint. */
import type { Reader, Tx } from '../../../queue/backend.js';
import { type ByteName, shownName } from '../../linux/index.js';
import type { SealKind } from '../rules/facts.js';
import { mayBeOld } from './hash-filter.js';
import { noteHash, oldRows, youngRows } from './hashes.js';
import { prunedByHash } from './pruned.js';

export type ContentState = 'carried' | 'manifested' | 'stored';

export interface Content {
  row: number;
  feed: string;
  sha256: Buffer;
  generation: number;
  state: ContentState;
  carrier: string;
  size: number;
  /** Decimal, exact. */
  device: string;
  inode: string;
  mtimeNs: string;
  sourcePath: Buffer;
  seal: SealKind;
  /** Relative to the warehouse; null until its line is planned. */
  target: Buffer | null;
  hour: string | null;
  ingestId: string | null;
  ingestedAtMs: number | null;
  /**
   * `unconfirmed`: nobody saw it at its target. `learned`: loaded by other means, and `sourcePath` is absolute. `withdrawn`: taken
   * out of the warehouse again, or about to be. `pruned`: only its hash is left, `row` is 0, and `sourcePath` is the manifest
   * that has its line.
   */
  note: string | null;
}

const COLUMNS = `row, feed, sha256, generation, state, carrier, size, device, inode, mtime_ns, source_path, seal, target,
  hour, ingest_id, ingested_at_ms, note`;

type ContentArray = [
  row: number,
  feed: string,
  sha256: Buffer,
  generation: number,
  state: ContentState,
  carrier: string,
  size: number,
  device: string,
  inode: string,
  mtimeNs: string,
  sourcePath: Buffer,
  seal: SealKind,
  target: Buffer | null,
  hour: string | null,
  ingestId: string | null,
  ingestedAtMs: number | null,
  note: string | null,
];

const toContent = (row: ContentArray): Content => ({
  row: row[0],
  feed: row[1],
  sha256: row[2],
  generation: row[3],
  state: row[4],
  carrier: row[5],
  size: row[6],
  device: row[7],
  inode: row[8],
  mtimeNs: row[9],
  sourcePath: row[10],
  seal: row[11],
  target: row[12],
  hour: row[13],
  ingestId: row[14],
  ingestedAtMs: row[15],
  note: row[16],
});

const contentsWhere = (reader: Reader, rest: string, ...params: unknown[]): Content[] =>
  (reader.arrays(`SELECT ${COLUMNS} FROM contents WHERE ${rest}`, ...params) as ContentArray[]).map(toContent);

// Few rows. An ORDER BY makes SQLite plan the statement again at each call: 20 us instead of 1.5.
const AGAIN = 'feed = ? AND sha256 = ? AND generation > 1';

function newestAgain(reader: Reader, feed: string, sha256: Buffer): Content | undefined {
  const again = contentsWhere(reader, AGAIN, feed, sha256);
  return again.length < 2 ? again[0] : again.reduce((a, b) => (b.generation > a.generation ? b : a));
}

/** The newest generation of a content, also where its record was pruned. */
export const contentByHash = (reader: Reader, feed: string, sha256: Buffer): Content | undefined =>
  newestAgain(reader, feed, sha256) ?? firstByHash(reader, feed, sha256);

function firstByHash(reader: Reader, feed: string, sha256: Buffer): Content | undefined {
  const young = ofRows(reader, youngRows(reader, sha256), feed, sha256);
  if (young || !mayBeOld(reader, sha256)) return young;
  return ofRows(reader, oldRows(reader, sha256), feed, sha256) ?? prunedByHash(reader, feed, sha256);
}

function ofRows(reader: Reader, rows: readonly number[], feed: string, sha256: Buffer): Content | undefined {
  for (const row of rows) {
    const content = contentByRow(reader, row);
    if (content?.feed === feed && content.sha256.equals(sha256)) return content;
  }
  return undefined;
}

/** Only first generations are ever pruned. */
export const contentOfGeneration = (
  reader: Reader,
  feed: string,
  sha256: Buffer,
  generation: number,
): Content | undefined =>
  generation === 1
    ? firstByHash(reader, feed, sha256)
    : contentsWhere(
        reader,
        'feed = ? AND sha256 = ? AND generation > 1 AND generation = ?',
        feed,
        sha256,
        generation,
      )[0];

/** All generations that have a row, and the first one also where it was pruned. */
export const generationsOf = (reader: Reader, feed: string, sha256: Buffer): Content[] => {
  const again = contentsWhere(reader, 'feed = ? AND sha256 = ? AND generation > 1 ORDER BY generation', feed, sha256);
  const first = firstByHash(reader, feed, sha256);
  return first ? [first, ...again] : again;
};

export const contentByRow = (reader: Reader, row: number): Content | undefined =>
  contentsWhere(reader, 'row = ?', row)[0];

/** The contents that exist, by row. */
export const contentsByRow = (reader: Reader, rows: readonly number[]): Map<number, Content> => {
  const found = contentsWhere(reader, 'row IN (SELECT value FROM json_each(?))', JSON.stringify(rows));
  return new Map(found.map((content) => [content.row, content]));
};

/** The states of the contents that exist, by row. */
export const statesByRow = (reader: Reader, rows: readonly number[]): Map<number, ContentState> =>
  new Map(
    reader.arrays(
      'SELECT row, state FROM contents WHERE row IN (SELECT value FROM json_each(?))',
      JSON.stringify(rows),
    ) as [number, ContentState][],
  );

/** A page of the whole ledger, in the order of its rows. */
export const contentsAfter = (reader: Reader, row: number, max: number): Content[] =>
  contentsWhere(reader, 'row > ? ORDER BY row LIMIT ?', row, max);

/** A page of the contents on their way. It uses their own index; in the order of rows, SQLite would read all other rows too. */
export const openContentsAfter = (reader: Reader, row: number, max: number): Content[] =>
  contentsWhere(reader, "+row > ? AND state <> 'stored' ORDER BY +row LIMIT ?", row, max);

/** Returns the row number. */
export function insertContent(tx: Tx, c: Omit<Content, 'row'>): number {
  const { lastInsertRowid } = tx.run(
    `INSERT INTO contents (feed, sha256, generation, state, carrier, size, device, inode, mtime_ns, source_path, seal,
       target, hour, ingest_id, ingested_at_ms, note, created_at_ms, updated_at_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[c.feed, c.sha256, c.generation, c.state, c.carrier, c.size, c.device, c.inode, c.mtimeNs, c.sourcePath, c.seal],
    ...[c.target, c.hour, c.ingestId, c.ingestedAtMs, c.note, tx.wallMs, tx.wallMs],
  );
  const row = Number(lastInsertRowid);
  noteHash(tx, c, row);
  return row;
}

/** Another content took the target before it could be reserved. */
export const unplan = (tx: Tx, row: number): void =>
  void tx.run(
    'UPDATE contents SET target = NULL, hour = NULL, ingest_id = NULL, ingested_at_ms = NULL WHERE row = ?',
    row,
  );

/** The token of a job that waits while another job carries its content. */
export const waitToken = (row: number): string => `content:${row}`;

/** The stage in which a content of this state goes on. With a chain it starts at `process`, which knows what is done already. */
export const stageOf = (state: ContentState, chain?: object): 'process' | 'manifest' | 'move' => {
  if (state !== 'carried') return 'move';
  return chain ? 'process' : 'manifest';
};

/**
 * The position of a duplicate's content: relative to the warehouse; absolute where it was learned elsewhere; for a pruned
 * content the manifest that has its line. '': nobody knows.
 */
export const placeOf = ({ target, note, sourcePath }: Content): ByteName =>
  (target ?? (note === 'learned' || note === 'pruned' ? sourcePath : Buffer.from(''))).toString('latin1') as ByteName;

/** The position as a path that people can read. */
export const shownPlace = (warehouse: string, place: ByteName): string =>
  place.startsWith('/') ? shownName(place) : `${warehouse}/${shownName(place)}`;
