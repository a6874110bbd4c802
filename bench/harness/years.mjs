/**
 * A state as years of ingesting leave it, made directly: the rows of one file that was ingested, again and again, each with
 * a hash of its own. Also what each of its tables takes.
 */
import Database from 'better-sqlite3';

const CHUNK = 1_000_000;
const YEARS_MS = 5 * 365 * 86_400_000;

const NUMBERS =
  'WITH RECURSIVE n(i) AS (SELECT CAST(@from AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i < @to - 1)';
const CONTENTS = `${NUMBERS} INSERT INTO contents
  SELECT NULL, feed, randomblob(32), generation, state, printf('01H%023d', i), size, device, CAST(inode + i AS TEXT), mtime_ns,
    CAST(printf('orders-%09d.csv', i) AS BLOB), seal,
    CAST(strftime('ingest_date=%Y-%m-%d/', at / 1000, 'unixepoch') || printf('orders-%09d.csv', i) AS BLOB),
    strftime('%Y/%m/%d/%H', at / 1000, 'unixepoch'), printf('01H%023d', i), at, at, at
  FROM (SELECT i, CAST(@begin + i * @step AS INTEGER) AS at FROM n) JOIN (SELECT * FROM contents WHERE row = 1)`;
const JOBS = `${NUMBERS} INSERT INTO jobs
  SELECT NULL, printf('01H%023d', i), feed, CAST(printf('orders-%09d.csv', i) AS BLOB), identity, stage, state, was, due_ms, owner, claim_no,
    attempts, crashes, keyed, bytes, payload, hold_code, reason, waits_on, ending, at, at, trail, interrupted
  FROM (SELECT i, CAST(@begin + i * @step AS INTEGER) AS at FROM n) JOIN (SELECT * FROM jobs WHERE seq = 1)`;

/** `contents` of five years, the newest of which ended as long ago as \`endedMsAgo\`; jobs of the first of them. */
export function fillYears(path, { contents, jobs, endedMsAgo }) {
  unguarded(path, (db) => {
    const step = YEARS_MS / contents;
    const begin = Date.now() - endedMsAgo - YEARS_MS;
    // Filled at once at the end: a hash that comes alone changes a page of the index.
    db.exec('DROP INDEX contents_by_hash');
    for (const [sql, rows] of [
      [CONTENTS, contents],
      [JOBS, jobs],
    ])
      for (let from = 0; from < rows; from += CHUNK)
        db.prepare(sql).run({ from, to: Math.min(from + CHUNK, rows), begin, step });
    db.exec('CREATE UNIQUE INDEX contents_by_hash ON contents (feed, sha256, generation)');
    db.exec(
      `INSERT OR IGNORE INTO names SELECT 1, target, row, 0 FROM contents WHERE target IS NOT NULL ORDER BY target`,
    );
  });
}

/** What `prune` does with those that are older than that, at once: millions would take it an hour. */
export const forgetOld = (path, beforeMs) =>
  unguarded(path, (db) => {
    for (const sql of FORGET) db.prepare(sql).run(beforeMs);
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
  "DELETE FROM names WHERE content IN (SELECT row FROM contents WHERE state = 'stored' AND updated_at_ms < ?)",
  `INSERT INTO contents (feed, sha256, generation, state, hour) SELECT feed, sha256, generation + 1000000, 'pruned', hour
     FROM contents WHERE state = 'stored' AND updated_at_ms < ? ORDER BY row`,
  "DELETE FROM contents WHERE state = 'stored' AND updated_at_ms < ?",
  "UPDATE contents SET generation = generation - 1000000 WHERE state = 'pruned' AND ? IS NOT NULL",
];

/** The tables of each kind of row, and a query that counts its rows. `contents` has two kinds: records and pruned contents. */
const TABLES = {
  record: ['contents', 'contents_by_hash', 'contents_stored', 'names', 'names_by_content'],
  job: ['jobs', 'sqlite_autoindex_jobs_1'],
};

/** Bytes of a row, with its indexes; undefined where there is none. */
export function bytesOfRows(path) {
  const db = new Database(path, { readonly: true });
  try {
    const size = db.prepare('SELECT sum(pgsize) FROM dbstat WHERE name = ? AND aggregate = TRUE').pluck();
    const isPruned = db.prepare("SELECT sum(state = 'pruned') * 2 > count(*) FROM contents").pluck().get() === 1;
    const bytes = Object.fromEntries(
      Object.entries(TABLES).map(([name, parts]) => {
        const rows = db.prepare(`SELECT count(*) FROM ${parts[0]}`).pluck().get();
        const sum = parts.reduce((all, part) => all + (size.get(part) ?? 0), 0);
        return [`${name}Bytes`, rows < 1_000 ? undefined : sum / rows];
      }),
    );
    return isPruned ? { jobBytes: bytes.jobBytes, hashBytes: bytes.recordBytes } : bytes;
  } finally {
    db.close();
  }
}
