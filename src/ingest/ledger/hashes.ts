/**
 * From the hash of a content to its row in the ledger: the one thing of a file that is written in no order at all.
 * As one index it has as many pages as contents, and each file dirties another one: with a million contents that was a third
 * of the speed. So it is a log-structured merge tree of three B-trees (P. O'Neil et al., 1996: its rolling merge): a new hash goes into
 * a small one, whose few pages are written by many files together; a hand goes round the hashes, and moves what it passes
 * on into the next one, side by side.
 * Guarantees: a hash is in exactly one of the three at any moment, and comes with its row, in the same transaction. The
 * work of a transaction follows from its new contents alone: no merge ever waits to be done, nobody is stopped for one.
 * Does not: hold the whole hash (the record has it, and says which feed it is of), nor generations after the first, which
 * are few: they have an index of their own. It never forgets by itself: an entry of a record that is gone finds nothing.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import { BUCKET_BITS, noteBucket } from './hash-filter.js';

/** Bytes of a hash that are kept: among 20 million others, one in 14 million is taken for another one until its record is read. */
const HEAD_BYTES = 6;
const HEADS = 2 ** (8 * HEAD_BYTES);

export const hashesModule = {
  name: 'hashes',
  migrations: [
    `
    CREATE TABLE hashes_new (head BLOB NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (head, row)) STRICT, WITHOUT ROWID;
    CREATE TABLE hashes_mid (head BLOB NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (head, row)) STRICT, WITHOUT ROWID;
    CREATE TABLE hashes_old (head BLOB NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (head, row)) STRICT, WITHOUT ROWID;
    -- In the order of the hashes, so that no sorter takes memory.
    INSERT INTO hashes_old SELECT substr(sha256, 1, 6), row FROM contents INDEXED BY contents_by_hash WHERE generation = 1;
    DROP INDEX contents_by_hash;
    CREATE UNIQUE INDEX contents_again ON contents (feed, sha256, generation) WHERE generation > 1;
    `,
    `
    -- While a content is on its way the database itself refuses a second row of it. One of all contents has a page for each.
    CREATE UNIQUE INDEX contents_open ON contents (feed, sha256, generation) WHERE state <> 'stored';
    `,
  ],
} as const;

interface Hand {
  /** New contents in which it goes round once; twice the hashes that are in front of it. */
  turn: number;
  move: string;
  forget: string;
}

const hand = (turn: number, from: string, to: string): Hand => ({
  turn,
  move: `INSERT INTO ${to} SELECT head, row FROM ${from} WHERE head BETWEEN ? AND ?`,
  forget: `DELETE FROM ${from} WHERE head BETWEEN ? AND ? RETURNING head`,
});

/**
 * Each of a thousand files of a transaction dirties a page of the first anyway (112 pages), one in nine of the second (3,500)
 * and, with 20 million contents, one in seven of the third (140,000): fewest together at these sizes.
 */
const TO_MID = hand(2 ** 15, 'hashes_new', 'hashes_mid');
const TO_OLD = hand(2 ** 20, 'hashes_mid', 'hashes_old');
/** A hand moves once in so many new contents, which is how many it then finds: a bucket of the filter is a step of the slower one. */
const STEP = TO_OLD.turn / 2 ** BUCKET_BITS;

const headOf = (sha256: Buffer): Buffer => sha256.subarray(0, HEAD_BYTES);

const NOTE = 'INSERT INTO hashes_new VALUES (?, ?)';

type Writer = Pick<Tx, 'arrays' | 'run'>;

/** A new content: in the transaction that makes its row, and after it. */
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

function moveOn(tx: Writer, { move, forget }: Hand, from: Buffer, to: Buffer): Buffer[] {
  return tx.run(move, from, to).changes > 0 ? (tx.arrays(forget, from, to) as [Buffer][]).flat() : [];
}

/** Where a hand stands follows from the row's number: nothing has to be kept, and nothing is lost where a number is left out. */
function rangeAt(row: number, { turn }: Hand): [from: Buffer, to: Buffer] {
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

/** Rows of the ledger that may be of this content, as its first generation; their records tell. */
export const youngRows = (reader: Reader, sha256: Buffer): number[] =>
  (reader.arrays(YOUNG, headOf(sha256), headOf(sha256)) as [number][]).map(([row]) => row);

/** The same of those that `mayBeOld` speaks of. */
export const oldRows = (reader: Reader, sha256: Buffer): number[] =>
  (reader.arrays(OLD, headOf(sha256)) as [number][]).map(([row]) => row);

const forgetIn = (table: string): string =>
  `DELETE FROM ${table} WHERE (head, row) IN (SELECT unhex(value ->> 0), value ->> 1 FROM json_each(?)) RETURNING row`;
const FORGET_YOUNG = ['hashes_new', 'hashes_mid'].map(forgetIn);
const FORGET_OLD = forgetIn('hashes_old');

/** These records are gone from the ledger, in this transaction. Answers the hashes of those that were not among the old ones. */
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

/** Rows of contents whose hash may begin with these hexadecimal digits, at most so many of each kind; their records tell. */
export function rowsOfHead(reader: Reader, feeds: readonly string[], digits: string, most: number): number[] {
  const bounds = (bytes: number): [from: Buffer, to: Buffer] => [
    Buffer.from(digits.padEnd(2 * bytes, '0').slice(0, 2 * bytes), 'hex'),
    Buffer.from(digits.padEnd(2 * bytes, 'f').slice(0, 2 * bytes), 'hex'),
  ];
  const first = FIRST_OF_HEAD.flatMap((sql) => reader.arrays(sql, ...bounds(HEAD_BYTES), most));
  const again = feeds.flatMap((feed) => reader.arrays(AGAIN_OF_HEAD, feed, ...bounds(32), most));
  return ([...first, ...again] as [number][]).map(([row]) => row);
}
