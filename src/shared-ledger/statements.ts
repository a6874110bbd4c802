/**
 * The statements of one host, each a transaction of its own: asking twice answers the same, so no longer transaction is needed.
 * Each writing one is fenced: it finds its host's row with the place of this state and no newer revision, or writes nothing. It
 * answers at least one row where the fence let it in.
 * Guarantees: rows of several contents are taken in the order of their key, so no two hosts wait for each other.
 * Does not: read what it waited for. A statement's other reads see the moment at which it began, so a row is deleted by the number
 * that was read in it, never because of a second table.
 */
import type { Rows } from './database.js';

/** The most rows of a page. */
export const PAGE = 1_000;

/** A content, as all hosts name it. */
export interface Key {
  feed: string;
  /** 32 bytes. */
  sha256: Buffer;
  generation: number;
}

export const keyOf = ({ feed, sha256, generation }: Key): string => `${sha256.toString('hex')} ${generation} ${feed}`;

/** The sender of a statement, as the host's state says just before it is sent. */
export interface Sender {
  id: string;
  place: string;
  seq: number;
  revision: number;
}

/** The answer of the fence; undefined where it let nothing in. */
export type Fenced<Row> = { rows: Row[]; revision: number; seq: number } | undefined;
/** A writing statement. */
export type Statement<Row> = (shared: Rows, me: Sender) => Promise<Fenced<Row>>;

export const NOW_MICROS = '(extract(epoch FROM clock_timestamp()) * 1000000)::bigint';

/** `parts`: of a WITH, one of them `its`. `values`: from `$5` on. `set`: what it writes into its host's row besides. */
export const fenced =
  <Row extends object>(parts: string, values: readonly unknown[], set = ''): Statement<Row> =>
  async (shared, { id, place, seq, revision }) => {
    const rows = await shared.rows<Row & { me_revision: string; me_seq: string; is_row: boolean }>(
      `WITH me AS (
         UPDATE hosts SET revision = greatest(revision + 1, ${NOW_MICROS}), seq = greatest(seq, $3), seen_at = now()${set}
          WHERE id = $1 AND place = $2 AND revision >= $4 RETURNING id, revision, seq), ${parts}
       SELECT me.revision AS me_revision, me.seq AS me_seq, its.* IS NOT NULL AS is_row, its.* FROM me LEFT JOIN its ON true`,
      [id, place, seq, revision, ...values],
    );
    const [first] = rows;
    if (!first) return undefined;
    return { rows: rows.filter((row) => row.is_row), revision: Number(first.me_revision), seq: Number(first.me_seq) };
  };

/** The arrays for `unnest`. */
const columnsOf = <Row>(rows: readonly Row[], ...names: (keyof Row)[]): unknown[] =>
  names.map((name) => rows.map((row) => row[name]));
const keysOf = <Row extends Key>(rows: readonly Row[], ...more: (keyof Row)[]): unknown[] =>
  columnsOf(rows, 'feed', 'sha256', 'generation', ...more);

/** `$5` to `$7`. */
const KEYS = 'unnest($5::text[], $6::bytea[], $7::int[]';
const ON_KEY = 'c.sha256 = a.sha256 AND c.feed = a.feed AND c.generation = a.generation';

export interface Question extends Key {
  size: number;
}

const INSERT_NEW = `
  its AS (INSERT INTO contents AS c (sha256, feed, generation, host, state, size, at, asked)
  SELECT a.sha256, a.feed, a.generation, me.id, 'carried', a.size, now(), $9::bigint
    FROM me, ${KEYS}, $8::bigint[]) AS a (feed, sha256, generation, size)
   WHERE NOT EXISTS (SELECT 1 FROM contents n
                      WHERE n.sha256 = a.sha256 AND n.feed = a.feed AND n.generation > a.generation)
   ORDER BY a.sha256, a.feed, a.generation
  ON CONFLICT (sha256, feed, generation) DO UPDATE SET asked = EXCLUDED.asked
   WHERE c.host = EXCLUDED.host AND c.state = 'carried'
  RETURNING c.feed, c.sha256, c.generation)`;

/** Asks for contents. Returns those that this host carries now: nobody had them, or it had asked before. `asked`: the question's number. */
export const insertNew = (asked: number, questions: readonly Question[]): Statement<Key> =>
  fenced(INSERT_NEW, [...keysOf(questions, 'size'), asked]);

export type SharedState = 'carried' | 'stored' | 'withdrawn';

/** The newest generation of a content. */
export interface Newest extends Key {
  host: string;
  hostName: string;
  /** Its host was forgotten. */
  isFree: boolean;
  state: SharedState;
  target: Buffer | null;
  asked: number;
  /** Ms since it is carried, or since it was stored. */
  ageMs: number;
}

/** The newest generations that exist of these contents, by feed and hash. */
export async function readNewest(
  shared: Rows,
  contents: readonly Pick<Key, 'feed' | 'sha256'>[],
): Promise<Map<string, Newest>> {
  const rows = await shared.rows<Newest>(
    `SELECT c.feed, c.sha256, c.generation, c.host, h.name AS "hostName", h.place IS NULL AS "isFree", c.state, c.target,
            c.asked::float8 AS asked, (extract(epoch FROM now() - c.at) * 1000)::float8 AS "ageMs"
       FROM unnest($1::text[], $2::bytea[]) AS a (feed, sha256)
       CROSS JOIN LATERAL (SELECT * FROM contents c WHERE c.sha256 = a.sha256 AND c.feed = a.feed
                            ORDER BY c.generation DESC LIMIT 1) c
       JOIN hosts h ON h.id = c.host`,
    columnsOf(contents, 'feed', 'sha256'),
  );
  return new Map(rows.map((row) => [contentOf(row), row]));
}

export const contentOf = ({ feed, sha256 }: Pick<Key, 'feed' | 'sha256'>): string =>
  `${sha256.toString('hex')} ${feed}`;

const OF_KEYS = `FROM unnest($1::text[], $2::bytea[], $3::int[]) AS a (feed, sha256, generation) JOIN contents c ON ${ON_KEY}`;

/** The rows that exist of these contents, whatever host has them. */
export const rowsOf = (shared: Rows, keys: readonly Key[]): Promise<(Key & { host: string; state: SharedState })[]> =>
  shared.rows(`SELECT c.feed, c.sha256, c.generation, c.host, c.state ${OF_KEYS}`, keysOf(keys));

export interface CarriedRow extends Key {
  host: string;
  asked: number;
}

/** The rows of these contents that are carried by a host that was forgotten. */
export const freeOf = (shared: Rows, keys: readonly Key[]): Promise<CarriedRow[]> =>
  shared.rows<CarriedRow>(
    `SELECT c.feed, c.sha256, c.generation, c.host, c.asked::float8 AS asked ${OF_KEYS} AND c.state = 'carried'
       JOIN hosts h ON h.id = c.host AND h.place IS NULL`,
    keysOf(keys),
  );

const DROP_CARRIED = `
  its AS (DELETE FROM contents c USING me, ${KEYS}, $8::uuid[], $9::bigint[]) AS a (feed, sha256, generation, host, asked)
   WHERE ${ON_KEY} AND c.host = a.host AND c.asked = a.asked AND c.state = 'carried'
  RETURNING c.feed, c.sha256, c.generation)`;

/** Deletes these rows where they are carried by that host, and by the same question as when they were read. */
export const dropCarried = (rows: readonly CarriedRow[]): Statement<Key> =>
  fenced(DROP_CARRIED, keysOf(rows, 'host', 'asked'));

/** An end of a content, as its host's ledger has it. */
export interface Told extends Key {
  state: Exclude<SharedState, 'carried'>;
  ingestId: string | null;
  target: Buffer | null;
  size: number;
  /** Ms since it was stored. */
  ageMs: number;
}

const UPSERT_ENDS = `
  its AS (INSERT INTO contents AS c (sha256, feed, generation, host, state, ingest_id, target, size, at)
  SELECT a.sha256, a.feed, a.generation, me.id, a.state, a.ingest_id, a.target, a.size, now() - a.age * interval '1 millisecond'
    FROM me, ${KEYS}, $8::text[], $9::text[], $10::bytea[], $11::bigint[], $12::float8[])
         AS a (feed, sha256, generation, state, ingest_id, target, size, age)
   WHERE me.seq = $3 OR EXISTS (SELECT 1 FROM contents c WHERE ${ON_KEY} AND c.host = me.id)
   ORDER BY a.sha256, a.feed, a.generation
  ON CONFLICT (sha256, feed, generation) DO UPDATE
     SET host = EXCLUDED.host,
         -- Of a pruned record its host knows these no more.
         ingest_id = CASE WHEN c.host = EXCLUDED.host THEN coalesce(EXCLUDED.ingest_id, c.ingest_id) ELSE EXCLUDED.ingest_id END,
         target = CASE WHEN c.host = EXCLUDED.host THEN coalesce(EXCLUDED.target, c.target) ELSE EXCLUDED.target END,
         size = CASE WHEN c.host = EXCLUDED.host AND EXCLUDED.target IS NULL THEN c.size ELSE EXCLUDED.size END,
         state = CASE WHEN c.host = EXCLUDED.host AND c.state = 'withdrawn' THEN c.state ELSE EXCLUDED.state END,
         at = CASE WHEN c.host = EXCLUDED.host AND c.state <> 'carried' THEN c.at ELSE EXCLUDED.at END
   WHERE c.host = EXCLUDED.host OR (c.state = 'withdrawn' AND EXCLUDED.state = 'stored' AND (SELECT seq FROM me) = $3)
  RETURNING c.feed, c.sha256, c.generation),
  gone AS (DELETE FROM conflicts o USING its, me WHERE o.host = me.id
              AND o.sha256 = its.sha256 AND o.feed = its.feed AND o.generation = its.generation)`;

/**
 * Writes ends. Returns the contents that the shared ledger has so now. A withdrawn one is never stored again, and `at` stays.
 * `seq`: the number of the page. A row that is not this host's needs the newest one: a page that comes late may have been overtaken,
 * and its content withdrawn here since.
 */
export const upsertEnds =
  (seq: number, ends: readonly Told[]): Statement<Key> =>
  (shared, me) =>
    fenced<Key>(UPSERT_ENDS, keysOf(ends, 'state', 'ingestId', 'target', 'size', 'ageMs'))(shared, { ...me, seq });

const NOTE_CONFLICTS = `
  other AS (SELECT a.*, me.id AS mine FROM ${KEYS}, $8::text[]) AS a (feed, sha256, generation, state)
                   JOIN contents c ON ${ON_KEY}, me
                  WHERE c.host <> me.id AND (c.state = 'stored' OR c.state = 'withdrawn' AND a.state = 'withdrawn')),
  noted AS (INSERT INTO conflicts (sha256, feed, generation, host, before_join)
            SELECT sha256, feed, generation, mine, $9::boolean FROM other WHERE state = 'stored'
            ON CONFLICT DO NOTHING RETURNING sha256, feed, generation),
  gone AS (DELETE FROM conflicts o USING other WHERE other.state = 'withdrawn' AND o.host = other.mine
              AND o.sha256 = other.sha256 AND o.feed = other.feed AND o.generation = other.generation),
  its AS (SELECT other.feed, other.sha256, other.generation,
         (other.sha256, other.feed, other.generation) IN (SELECT sha256, feed, generation FROM noted) AS "isNew" FROM other)`;

/**
 * Ends of contents that another host has: a second stored one is a conflict, a withdrawn one is none any more. Returns those of which
 * that is recorded. What the other host only carries is told again later.
 */
export const noteConflicts = (ends: readonly Told[], beforeJoin: boolean): Statement<Key & { isNew: boolean }> =>
  fenced(NOTE_CONFLICTS, [...keysOf(ends, 'state'), beforeJoin]);

/** Deletes rows of this host: nobody has the contents. */
const dropOwn =
  (table: string, which = '') =>
  (keys: readonly Key[]): Statement<Key> =>
    fenced(
      `its AS (DELETE FROM ${table} c USING me, ${KEYS}) AS a (feed, sha256, generation)
        WHERE ${ON_KEY} AND c.host = me.id ${which} RETURNING c.feed, c.sha256, c.generation)`,
      keysOf(keys),
    );
export const dropConflicts = dropOwn('conflicts');
export const dropStored = dropOwn('contents', "AND c.state = 'stored'");

/** `next`: the key to go on after; undefined at the end. */
type Page<Row> = { rows: Row[]; next: Key | undefined };
/** Reads a page of what the ledger gives to a host, in the order of the key. */
type PageOf<Row> = (shared: Rows, host: string, after: Key | undefined) => Promise<Page<Row>>;

const AFTER = '(o.sha256, o.feed, o.generation) > ($2, $3, $4)';
const BY_KEY = 'ORDER BY o.sha256, o.feed, o.generation';
const ofPage = (host: string, after: Key | undefined): unknown[] => [
  host,
  after?.sha256 ?? Buffer.alloc(0),
  after?.feed ?? '',
  after?.generation ?? 0,
  PAGE,
];

/** `columns`: besides the key, and the table, as `o`. */
const pageOf =
  <Row extends Key>(columns: string, which = ''): PageOf<Row> =>
  async (shared, host, after) => {
    const page = await shared.rows<Row>(
      `SELECT o.feed, o.sha256, o.generation${columns} WHERE o.host = $1 ${which} AND ${AFTER} ${BY_KEY} LIMIT $5`,
      ofPage(host, after),
    );
    return { rows: page, next: page.length < PAGE ? undefined : page.at(-1) };
  };

/** A conflict of a host. `isBoth`: another host still has the content as stored. */
export interface Conflict extends Key {
  isBoth: boolean;
  beforeJoin: boolean;
}

export const conflictsOf = pageOf<Conflict>(
  `, o.before_join AS "beforeJoin", coalesce(c.host <> o.host AND c.state = 'stored', false) AS "isBoth"
     FROM conflicts o LEFT JOIN contents c ON c.sha256 = o.sha256 AND c.feed = o.feed AND c.generation = o.generation`,
);
export const carriedBy = pageOf<CarriedRow>(
  ', o.host, o.asked::float8 AS asked FROM contents o',
  "AND o.state = 'carried'",
);

/**
 * Stored contents have no index by host. A page is of so many rows of all hosts, else one of a host with few rows would read the whole
 * table in one statement.
 */
export const storedBy: PageOf<Key> = async (shared, host, after) => {
  const page = await shared.rows<Key & { isIts: boolean; n: number }>(
    `SELECT * FROM (
       SELECT o.feed, o.sha256, o.generation, o.host = $1 AND o.state = 'stored' AS "isIts", row_number() OVER (${BY_KEY})::int AS n
         FROM contents o WHERE ${AFTER} ${BY_KEY} LIMIT $5) p
      WHERE p."isIts" OR p.n = $5 ORDER BY p.n`,
    ofPage(host, after),
  );
  const last = page.at(-1);
  return { rows: page.filter(({ isIts }) => isIts), next: last?.n === PAGE ? last : undefined };
};

/** All such pages. */
export async function* pagesOf<Row extends Key>(read: PageOf<Row>, shared: Rows, host: string): AsyncGenerator<Row[]> {
  let next: Key | undefined;
  do {
    const page: Page<Row> = await read(shared, host, next);
    yield page.rows;
    next = page.next;
  } while (next !== undefined);
}
