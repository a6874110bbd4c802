/**
 * A state as years of ingesting leave it, made directly: the rows of one file that was ingested, again and again, each with
 * a hash of its own. Also what each of its tables takes.
 */
import Database from 'better-sqlite3';
import { noteOld } from '../../dist/src/ingest/ledger/hash-filter.js';
import { noteHash } from '../../dist/src/ingest/ledger/hashes.js';

const CHUNK = 1_000_000;
/** So many of the newest get their hashes one by one, as ingesting does it, so that they lie where it leaves them. */
const NOTED = 2_000_000;
const YEARS_MS = 5 * 365 * 86_400_000;

const NUMBERS =
  'WITH RECURSIVE n(i) AS (SELECT CAST(@from AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i < @to - 1)';
const CONTENTS = `${NUMBERS} INSERT INTO contents
  SELECT NULL, feed, randomblob(32), generation, state, printf('01H%023d', i), size, device, CAST(inode + i AS TEXT), mtime_ns,
    CAST(printf('orders-%09d.csv', i) AS BLOB), seal,
    CAST(strftime('ingest_date=%Y-%m-%d/', at / 1000, 'unixepoch') || printf('orders-%09d.csv', i) AS BLOB),
    strftime('%Y/%m/%d/%H', at / 1000, 'unixepoch'), printf('01H%023d', i), at, NULL, at, at
  FROM (SELECT i, CAST(@begin + i * @step AS INTEGER) AS at FROM n) JOIN (SELECT * FROM contents WHERE row = 1)`;
const HASHES =
  'INSERT INTO hashes_old SELECT substr(sha256, 1, 6) AS head, row FROM contents WHERE row > ? AND row <= ? ORDER BY head';
const JOBS = `${NUMBERS} INSERT INTO jobs
  SELECT NULL, printf('01H%023d', i), feed, CAST(printf('orders-%09d.csv', i) AS BLOB), identity, stage, state, was, due_ms, owner, claim_no,
    attempts, crashes, keyed, bytes, payload, hold_code, reason, waits_on, ending, at, at, trail
  FROM (SELECT i, CAST(@begin + i * @step AS INTEGER) AS at FROM n) JOIN (SELECT * FROM jobs WHERE seq = 1)`;

/** `contents` of five years, the newest of which ended as long ago as \`endedMsAgo\`; jobs of the first of them. */
export function fillYears(path, { contents, jobs, endedMsAgo }) {
  unguarded(path, (db) => {
    const step = YEARS_MS / contents;
    const begin = Date.now() - endedMsAgo - YEARS_MS;
    const first = lastRow(db);
    for (const [sql, rows] of [
      [CONTENTS, contents],
      [JOBS, jobs],
    ])
      for (let from = 0; from < rows; from += CHUNK)
        db.prepare(sql).run({ from, to: Math.min(from + CHUNK, rows), begin, step });
    db.exec('DELETE FROM reservations');
    const last = lastRow(db);
    const noted = Math.max(first, last - NOTED);
    db.prepare(HASHES).run(first, noted);
    db.exec('DELETE FROM hash_filter'); // those that there are know nothing of these
    noteAfter(db, noted);
  });
}

const lastRow = (db) => db.prepare('SELECT max(row) FROM contents').pluck().get();

function noteAfter(db, row) {
  const page = db.prepare('SELECT row, sha256 FROM contents WHERE row > ? ORDER BY row LIMIT 10000');
  const writer = writerOf(db);
  for (let rows = page.all(row); rows.length > 0; rows = page.all(rows.at(-1).row))
    db.transaction(() => {
      for (const { row, sha256 } of rows) noteHash(writer, { sha256, generation: 1 }, row);
    })();
}

/** As the product's own transactions. */
function writerOf(db) {
  const [runs, reads] = [new Map(), new Map()];
  const kept = (map, sql, make) => map.get(sql) ?? map.set(sql, make()).get(sql);
  return {
    run: (sql, ...params) => kept(runs, sql, () => db.prepare(sql)).run(...params),
    arrays: (sql, ...params) => kept(reads, sql, () => db.prepare(sql).raw()).all(...params),
  };
}

/** What `prune` does with those that are older than that, at once: millions would take it an hour. */
export const forgetOld = (path, beforeMs) =>
  unguarded(path, (db) => {
    for (const sql of FORGET) db.prepare(sql).run(beforeMs);
    const young = db.prepare(`SELECT head FROM (SELECT * FROM hashes_new UNION ALL SELECT * FROM hashes_mid) h
      WHERE NOT EXISTS (SELECT 1 FROM contents c WHERE c.row = h.row) ORDER BY head`);
    db.transaction(() => noteOld(writerOf(db), young.pluck().all()))();
    for (const table of HASH_TABLES)
      db.exec(`DELETE FROM ${table} WHERE NOT EXISTS (SELECT 1 FROM contents c WHERE c.row = ${table}.row)`);
  });

function unguarded(path, act) {
  const db = new Database(path);
  try {
    db.pragma('journal_mode = DELETE');
    db.pragma('journal_mode = OFF');
    db.pragma('synchronous = OFF');
    db.pragma('cache_size = -2000000');
    act(db);
    db.pragma('journal_mode = WAL');
  } finally {
    db.close();
  }
}

const FORGET = [
  `INSERT OR IGNORE INTO pruned SELECT sha256, 0, unixepoch(replace(substr(hour, 1, 10), '/', '-') || ' ' || substr(hour, 12) || ':00') / 3600
     FROM contents WHERE updated_at_ms < ? ORDER BY sha256`,
  'DELETE FROM contents WHERE updated_at_ms < ?',
];

const HASH_TABLES = ['hashes_new', 'hashes_mid', 'hashes_old'];
const TABLES = {
  record: ['contents', 'contents_again', ...HASH_TABLES],
  job: ['jobs', 'sqlite_autoindex_jobs_1'],
  hash: ['pruned', 'hash_filter'],
};

/** Bytes of a row, with its indexes; undefined where there is none. */
export function bytesOfRows(path) {
  const db = new Database(path, { readonly: true });
  try {
    const size = db.prepare('SELECT sum(pgsize) FROM dbstat WHERE name = ? AND aggregate = TRUE').pluck();
    return Object.fromEntries(
      Object.entries(TABLES).map(([name, parts]) => {
        const rows = db.prepare(`SELECT count(*) FROM ${parts[0]}`).pluck().get();
        const bytes = parts.reduce((sum, part) => sum + (size.get(part) ?? 0), 0);
        return [`${name}Bytes`, rows < 1_000 ? undefined : bytes / rows];
      }),
    );
  } finally {
    db.close();
  }
}
