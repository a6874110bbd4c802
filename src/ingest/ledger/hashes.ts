/**
 * The index from a content's hash to its row in the ledger. Hashes come in no order, unlike everything else of a file.
 * A single index would have as many pages as contents, and each file would dirty another page: with a million contents that
 * cost a third of the speed. So the index is a log-structured merge tree of three B-trees with a rolling merge (P. O'Neil et
 * al., 1996). A new hash goes into the smallest tree, whose few pages many files write together. A cursor moves round through
 * all hashes, and moves those that it passes into the next tree, in order.
 * Guarantees: a hash is in exactly one of the three trees at any moment, and is written in the transaction that makes its row.
 * The work of a transaction depends only on its new contents: no merge piles up, and nothing stops for one.
 * Does not: store the whole hash (the record has it, and knows its feed), nor later generations: they are few and have an index
 * of their own. Nothing is forgotten by itself: an entry whose record is gone finds nothing.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import { BUCKET_BITS, noteBucket } from './hash-filter.js';

/** The number of bytes of a hash that are stored. Among 20 million hashes, one in 14 million matches a wrong row, until its record is read. */
const HEAD_BYTES = 6;
const HEADS = 2 ** (8 * HEAD_BYTES);

export const hashesModule = {
  name: 'hashes',
  migrations: [
    `
    CREATE TABLE hashes_new (head BLOB NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (head, row)) STRICT, WITHOUT ROWID;
    CREATE TABLE hashes_mid (head BLOB NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (head, row)) STRICT, WITHOUT ROWID;
    CREATE TABLE hashes_old (head BLOB NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (head, row)) STRICT, WITHOUT ROWID;
    -- In the order of the hashes, so that no sort needs memory.
    INSERT INTO hashes_old SELECT substr(sha256, 1, 6), row FROM contents INDEXED BY contents_by_hash WHERE generation = 1;
    DROP INDEX contents_by_hash;
    CREATE UNIQUE INDEX contents_again ON contents (feed, sha256, generation) WHERE generation > 1;
    `,
    `
    -- While a content is on its way, the database itself refuses a second row of it. An index of all contents would have a page for each.
    CREATE UNIQUE INDEX contents_open ON contents (feed, sha256, generation) WHERE state <> 'stored';
    `,
  ],
} as const;

interface Cursor {
  /** The number of new contents in one full round: twice the hashes that the tree in front of it has. */
  turn: number;
  move: string;
  forget: string;
}

const cursor = (turn: number, from: string, to: string): Cursor => ({
  turn,
  move: `INSERT INTO ${to} SELECT head, row FROM ${from} WHERE head BETWEEN ? AND ?`,
  forget: `DELETE FROM ${from} WHERE head BETWEEN ? AND ? RETURNING head`,
});

/**
 * These sizes give the fewest dirty pages for a transaction of a thousand files. In the first tree it dirties all 112 pages anyway. In
 * the second tree (3,500 pages) one file in nine dirties a page; in the third one (140,000 at 20 million contents) one file in seven.
 */
const TO_MID = cursor(2 ** 15, 'hashes_new', 'hashes_mid');
const TO_OLD = cursor(2 ** 20, 'hashes_mid', 'hashes_old');
/** A cursor moves once in this many new contents, and then finds about as many hashes. A filter bucket is one step of the slower cursor. */
const STEP = TO_OLD.turn / 2 ** BUCKET_BITS;

const headOf = (sha256: Buffer): Buffer => sha256.subarray(0, HEAD_BYTES);

const NOTE = 'INSERT INTO hashes_new VALUES (?, ?)';

type Writer = Pick<Tx, 'arrays' | 'run'>;

/** Notes the hash of a new content, in the transaction that makes its row, after that. */
export function noteHash(
  tx: Writer,
  { sha256, generation }: { sha256: Buffer; generation: number },
  row: number,
): void {
  if (generation === 1) tx.run(NOTE, headOf(sha256), row);
  if (row % STEP !== 0) return;
  const [from, to] = rangeAt(row, TO_OLD);
  noteBucket(tx, moveOn(tx, TO_OLD, from, to), from, to);
  moveOn(tx, TO_MID, ...rangeAt(row, TO_MID));
}

function moveOn(tx: Writer, { move, forget }: Cursor, from: Buffer, to: Buffer): Buffer[] {
  return tx.run(move, from, to).changes > 0 ? (tx.arrays(forget, from, to) as [Buffer][]).flat() : [];
}

/** The position of a cursor follows from the row number. Nothing has to be stored, and a number that is left out does no harm. */
function rangeAt(row: number, { turn }: Cursor): [from: Buffer, to: Buffer] {
  const width = (HEADS / turn) * STEP;
  const from = ((row / STEP) % (turn / STEP)) * width;
  return [headAt(from), headAt(from + width - 1)];
}

function headAt(at: number): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(at, 0, HEAD_BYTES);
  return head;
}

const YOUNG = 'SELECT row FROM hashes_new WHERE head = ? UNION ALL SELECT row FROM hashes_mid WHERE head = ?';
const OLD = 'SELECT row FROM hashes_old WHERE head = ?';

/** Rows that may be the first generation of this content, from the two young trees. Their records decide. */
export const youngRows = (reader: Reader, sha256: Buffer): number[] =>
  (reader.arrays(YOUNG, headOf(sha256), headOf(sha256)) as [number][]).map(([row]) => row);

/** The same from the old tree, for which `mayBeOld` is the filter. */
export const oldRows = (reader: Reader, sha256: Buffer): number[] =>
  (reader.arrays(OLD, headOf(sha256)) as [number][]).map(([row]) => row);

const forgetIn = (table: string): string =>
  `DELETE FROM ${table} WHERE (head, row) IN (SELECT unhex(value ->> 0), value ->> 1 FROM json_each(?)) RETURNING row`;
const FORGET_YOUNG = ['hashes_new', 'hashes_mid'].map(forgetIn);
const FORGET_OLD = forgetIn('hashes_old');

/** Forgets records that this transaction removes from the ledger. Returns the hashes that were not in the old tree. */
export function forgetHashes(tx: Pick<Tx, 'arrays'>, gone: readonly { row: number; sha256: Buffer }[]): Buffer[] {
  if (gone.length === 0) return [];
  const json = JSON.stringify(gone.map(({ row, sha256 }) => [headOf(sha256).toString('hex'), row]));
  for (const sql of FORGET_YOUNG) tx.arrays(sql, json);
  const old = new Set((tx.arrays(FORGET_OLD, json) as [number][]).map(([row]) => row));
  return gone.filter(({ row }) => !old.has(row)).map(({ sha256 }) => sha256);
}

const AGAIN_OF_HEAD = 'SELECT row FROM contents WHERE generation > 1 AND feed = ? AND sha256 BETWEEN ? AND ? LIMIT ?';
const FIRST_OF_HEAD = ['hashes_new', 'hashes_mid', 'hashes_old'].map(
  (table) => `SELECT row FROM ${table} WHERE head BETWEEN ? AND ? LIMIT ?`,
);

/** Rows of contents whose hash may begin with these hexadecimal digits, at most so many of each kind; their records decide. */
export function rowsOfHead(reader: Reader, feeds: readonly string[], digits: string, most: number): number[] {
  const bounds = (bytes: number): [from: Buffer, to: Buffer] => [
    Buffer.from(digits.padEnd(2 * bytes, '0').slice(0, 2 * bytes), 'hex'),
    Buffer.from(digits.padEnd(2 * bytes, 'f').slice(0, 2 * bytes), 'hex'),
  ];
  const first = FIRST_OF_HEAD.flatMap((sql) => reader.arrays(sql, ...bounds(HEAD_BYTES), most));
  const again = feeds.flatMap((feed) => reader.arrays(AGAIN_OF_HEAD, feed, ...bounds(32), most));
  return ([...first, ...again] as [number][]).map(([row]) => row);
}
