/** One row of the ledger, as the rest of the program uses it. Times in wall-clock ms; 64-bit values as decimal text or bigint. */
import type { Reader, Tx } from '../../../queue/backend.js';
import { type ByteName, shownName } from '../../linux/index.js';
import type { SealKind } from '../rules/facts.js';
import { TOLD_OF_AN_END } from './host.js';

/** See contents-schema.ts. */
export type ContentState =
  | 'carried'
  | 'manifested'
  | 'stored'
  | 'unconfirmed'
  | 'learned'
  | 'withdrawn'
  | 'pruned'
  | 'elsewhere';

export interface Content {
  row: number;
  feed: string;
  sha256: Buffer;
  generation: number;
  state: ContentState;
  /** '': it has no carrier, as what was learned or pruned. So it is with each field below that a state does not have. */
  carrier: string;
  size: number;
  /** Decimal, exact. */
  device: string;
  inode: string;
  mtimeNs: string;
  /** Relative to the input. Of a learned content the absolute path; of a pruned one the manifest that has its line; of one elsewhere `HOST:PATH`. */
  sourcePath: Buffer;
  seal: SealKind;
  /** Relative to the warehouse; null until its line is planned, and where its line names another warehouse. */
  target: Buffer | null;
  hour: string | null;
  ingestId: string | null;
  ingestedAtMs: number | null;
  /** The number of the question for which the shared ledger gave it to this host; 0: it was not asked. */
  asked: number;
}

/** True: nothing is under way with it any more, and a file with its bytes is a duplicate. */
export const hasEnded = ({ state }: Pick<Content, 'state'>): boolean => state !== 'carried' && state !== 'manifested';

/** Its file was brought to its target, and no operator took it out. */
export const stands = ({ state, target }: Pick<Content, 'state' | 'target'>): boolean =>
  (state === 'stored' || state === 'unconfirmed') && target !== null;

/** The same in SQL, negated: two equalities, because IN of more than two values builds a table at each statement. */
export const UNDER_WAY = "(state = 'carried' OR state = 'manifested')";

/** Hosts that share a ledger are told of a content that ended here. */
export const hasEndedHere = (content: Content | undefined): content is Content =>
  content !== undefined && hasEnded(content) && content.state !== 'elsewhere';

const COLUMNS = `row, feed, sha256, generation, state, coalesce(carrier, ''), coalesce(size, 0), coalesce(device, ''),
  coalesce(inode, ''), coalesce(mtime_ns, ''), coalesce(source_path, (SELECT CAST(path || '/' || hour || '/manifest.jsonl' AS BLOB)
    FROM roots WHERE roots.feed = contents.feed AND kind = 'manifests'), x''), coalesce(seal, 'lease'), target,
  hour, ingest_id, ingested_at_ms, asked`;

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
  asked: number,
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
  asked: row[16],
});

const contentsWhere = (reader: Reader, rest: string, ...params: unknown[]): Content[] =>
  (reader.arrays(`SELECT ${COLUMNS} FROM contents WHERE ${rest}`, ...params) as ContentArray[]).map(toContent);

const OF_HASH = 'feed = ? AND sha256 = ?';

export const contentOfGeneration = (
  reader: Reader,
  feed: string,
  sha256: Buffer,
  generation: number,
): Content | undefined => contentsWhere(reader, `${OF_HASH} AND generation = ?`, feed, sha256, generation)[0];

export const contentOfKey = (
  reader: Reader,
  { feed, sha256, generation }: Pick<Content, 'feed' | 'sha256' | 'generation'>,
): Content | undefined => contentOfGeneration(reader, feed, sha256, generation);

/** All generations, the first one first. Sorted here: with an ORDER BY, SQLite plans the statement again at each call (30 µs, not 10). */
export const generationsOf = (reader: Reader, feed: string, sha256: Buffer): Content[] =>
  contentsWhere(reader, OF_HASH, feed, sha256).sort((a, b) => a.generation - b.generation);

/** The newest generation of a content. Nearly every content has one; one that comes again for years has thousands. */
export function contentByHash(reader: Reader, feed: string, sha256: Buffer): Content | undefined {
  const [one, another] = contentsWhere(reader, `${OF_HASH} LIMIT 2`, feed, sha256);
  if (another === undefined) return one;
  return contentsWhere(reader, `${OF_HASH} ORDER BY generation DESC LIMIT 1`, feed, sha256)[0];
}

/** Contents whose hash begins with these hexadecimal digits, at most so many. */
export function contentsOfHead(reader: Reader, feed: string, digits: string, most: number): Content[] {
  const bound = (fill: string): Buffer => Buffer.from(digits.padEnd(64, fill), 'hex');
  return contentsWhere(reader, 'feed = ? AND sha256 BETWEEN ? AND ? LIMIT ? + 0', feed, bound('0'), bound('f'), most);
}

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

/** A page of contents whose end PostgreSQL was not told, in the order of their rows. */
export const contentsUntold = (reader: Reader, after: number, max: number): Content[] =>
  contentsWhere(reader, 'told = 0 AND row > ? ORDER BY row LIMIT ?', after, max);

/** The question that an idle round asks. */
export const hasUntold = (reader: Reader, after: number): boolean =>
  reader.get(
    `SELECT 1 FROM contents WHERE told = 0 AND row > ? AND NOT ${UNDER_WAY} AND state <> 'elsewhere' LIMIT 1`,
    after,
  ) !== undefined;

/** The fields of a content whose line is not planned. */
export const NO_LINE = { target: null, hour: null, ingestId: null, ingestedAtMs: null } as const;

/** Returns the row number. A second row of one content and generation is an error of the database. */
export function insertContent(tx: Tx, c: Omit<Content, 'row' | 'asked'>): number {
  const { lastInsertRowid } = tx.run(
    `INSERT INTO contents (feed, sha256, generation, state, carrier, size, device, inode, mtime_ns, source_path, seal,
       target, hour, ingest_id, ingested_at_ms, created_at_ms, updated_at_ms, told)
     VALUES (?, ?, ?, ?, nullif(?, ''), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ${hasEnded(c) ? TOLD_OF_AN_END : '1'})`,
    ...[c.feed, c.sha256, c.generation, c.state, c.carrier, c.size, c.device, c.inode, c.mtimeNs, c.sourcePath, c.seal],
    ...[c.target, c.hour, c.ingestId, c.ingestedAtMs, tx.wallMs, tx.wallMs],
  );
  return Number(lastInsertRowid);
}

/** The token of a job that waits while another job carries its content. */
export const waitToken = (row: number): string => `content:${row}`;

const AS_SOURCE: ReadonlySet<ContentState> = new Set(['learned', 'pruned', 'elsewhere']);

/**
 * The position of a duplicate's content: relative to the warehouse; absolute where it was learned; for a pruned content the manifest
 * that has its line; `HOST:PATH` where another host has it. '': nobody knows.
 */
export const placeOf = ({ target, state, sourcePath }: Content): ByteName =>
  (target ?? (AS_SOURCE.has(state) ? sourcePath : Buffer.from(''))).toString('latin1') as ByteName;

/** No name below a warehouse begins so. */
const ELSEWHERE = /^[^/:]+:\//;

/** The position as a path that people can read. */
export const shownPlace = (warehouse: string, place: ByteName): string =>
  ELSEWHERE.test(place) || place.startsWith('/') ? shownName(place) : `${warehouse}/${shownName(place)}`;
