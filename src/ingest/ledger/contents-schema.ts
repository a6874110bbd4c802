/**
 * The ledger: one row a content (feed, SHA-256, generation), which owns the record, the manifest line and the target. A job is only
 * its carrier.
 *
 *                  its line is written      its file is at its target       --keep-history
 *   carried ──────────> manifested ────────────────> stored ──────────────────> pruned
 *                            │                         │
 *                            └──> unconfirmed          └──> withdrawn
 *                             nobody saw it there      taken out again, or about to be
 *   unconfirmed, and its own file is found in underprocess/ (a lost state was rebuilt while its mount was missing): manifested again
 *   learned: loaded by other means      elsewhere: another host has it, who answered for the files that were here by then
 *
 * A content that is given up (its file was discarded before it was stored) loses its row. *Planned* is a carried content with a target.
 * Guarantees: the database refuses a second row of a content and generation, in any state, and a column that its state does not have.
 */
import type { Module } from '../../../queue/index.js';
import { ingestionState } from './schema.js';

const FILE =
  'size IS NOT NULL AND device IS NOT NULL AND inode IS NOT NULL AND mtime_ns IS NOT NULL AND source_path IS NOT NULL AND seal IS NOT NULL';
const LINE = 'hour IS NOT NULL AND ingest_id IS NOT NULL AND ingested_at_ms IS NOT NULL';
const NO_LINE = 'target IS NULL AND hour IS NULL AND ingest_id IS NULL AND ingested_at_ms IS NULL';
const CARRIER = 'carrier IS NOT NULL';
/** The target is not known where the line names a warehouse that the feed does not have any more. */
const DELIVERED = `${FILE} AND ${CARRIER} AND ${LINE}`;

/** The columns of each state. As CASE: IN of more than two values builds a table at each statement. */
export const STATE_COLUMNS = {
  carried: `${FILE} AND ${CARRIER} AND ((${NO_LINE}) OR (${LINE} AND target IS NOT NULL))`,
  manifested: `${DELIVERED} AND target IS NOT NULL`,
  stored: `${DELIVERED} AND target IS NOT NULL`,
  unconfirmed: DELIVERED,
  withdrawn: DELIVERED,
  learned: `${FILE} AND carrier IS NULL AND ${NO_LINE}`,
  elsewhere: `${FILE} AND ${CARRIER} AND ${NO_LINE}`,
  pruned: `hour IS NOT NULL AND coalesce(carrier, size, device, inode, mtime_ns, source_path, seal, target, ingest_id, ingested_at_ms) IS NULL`,
} as const;

const CHECK = Object.entries(STATE_COLUMNS)
  .map(([state, columns]) => `WHEN '${state}' THEN ${columns}`)
  .join('\n        ');

const INDEXES = `
    -- A query over all rows of a feed says +feed: by this index it would read them in the order of their hashes.
    CREATE UNIQUE INDEX contents_by_hash ON contents (feed, sha256, generation);
    -- What may be pruned, the oldest first: filled at its end, emptied at its beginning.
    CREATE INDEX contents_stored ON contents (updated_at_ms) WHERE state = 'stored';
    CREATE INDEX contents_untold ON contents (row) WHERE told = 0;`;

const VIEW = ingestionState("contents WHERE state <> 'pruned' AND state <> 'elsewhere'");

const COLUMNS =
  'row, feed, sha256, generation, state, carrier, size, device, inode, mtime_ns, source_path, seal, target, hour, ingest_id, ingested_at_ms, created_at_ms, updated_at_ms';

const TABLE = `CREATE TABLE contents (
      -- AUTOINCREMENT: a row number that was given up with a discarded content must never name another one
      row INTEGER PRIMARY KEY AUTOINCREMENT,
      feed TEXT NOT NULL,
      sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
      generation INTEGER NOT NULL,
      state TEXT NOT NULL,
      -- the job that carries it; kept for people after it is stored
      carrier TEXT,
      size INTEGER,
      -- the original file when it was sealed; decimal text, because inodes above 2^63 and times after 2262 exist
      device TEXT,
      inode TEXT,
      mtime_ns TEXT,
      source_path BLOB,
      seal TEXT CHECK (seal = 'lease' OR seal = 'copy'),
      -- given when its line is planned: the target below the feed's warehouse, and the hour of the manifest file
      target BLOB,
      hour TEXT,
      ingest_id TEXT,
      ingested_at_ms INTEGER,
      created_at_ms INTEGER,
      updated_at_ms INTEGER,
      -- of the ledger that hosts share: 0 where PostgreSQL was not told this end; the number of the question for which this host has it
      told INTEGER NOT NULL DEFAULT 1 CHECK (told = 0 OR told = 1),
      asked INTEGER NOT NULL DEFAULT 0,
      CHECK (CASE state
        ${CHECK}
        ELSE 0 END)
    );`;

export const contentsModule: Module = {
  name: 'contents',
  migrations: [
    `
    DROP VIEW ingestion_state;
    DROP INDEX IF EXISTS contents_by_hash;
    DROP INDEX IF EXISTS contents_again;
    DROP INDEX IF EXISTS contents_open;
    ALTER TABLE contents RENAME TO contents_before;
    ${TABLE}

    -- Numbers that were given up stay given up.
    INSERT INTO sqlite_sequence SELECT 'contents', seq FROM sqlite_sequence WHERE name = 'contents_before';
    INSERT INTO contents (${COLUMNS})
      SELECT row, feed, sha256, generation,
             CASE WHEN state <> 'stored' THEN state WHEN note = 'learned' OR note = 'withdrawn' THEN note
                  WHEN note = 'unconfirmed' OR target IS NULL THEN 'unconfirmed' ELSE 'stored' END,
             CASE WHEN note IS 'learned' THEN NULL ELSE carrier END, size, device, inode, mtime_ns, source_path, seal,
             CASE WHEN note IS 'learned' THEN NULL ELSE target END, hour, ingest_id, ingested_at_ms, created_at_ms, updated_at_ms
        FROM contents_before ORDER BY row;
    INSERT INTO contents (feed, sha256, generation, state, hour)
      SELECT f.feed, p.sha256, 1, 'pruned', strftime('%Y/%m/%d/%H', p.hour * 3600, 'unixepoch')
        FROM pruned p JOIN pruned_feeds f ON f.number = p.feed ORDER BY p.sha256;

    -- A second row of one content becomes its next free generation. A pruned one has a row already.
    CREATE TABLE contents_twice AS
      SELECT row, feed, sha256, highest + row_number() OVER (PARTITION BY feed, sha256 ORDER BY generation, row) AS next
        FROM (SELECT row, feed, sha256, generation, max(generation) OVER (PARTITION BY feed, sha256) AS highest,
                     row_number() OVER (PARTITION BY feed, sha256, generation ORDER BY row) AS nth FROM contents)
       WHERE nth > 1;
    DELETE FROM contents WHERE state = 'pruned' AND row IN (SELECT row FROM contents_twice);
    UPDATE contents SET generation = (SELECT next FROM contents_twice t WHERE t.row = contents.row)
     WHERE row IN (SELECT row FROM contents_twice);
    INSERT OR IGNORE INTO exceptions (feed, sha256, generation, kind, who, why, at_ms)
      SELECT c.feed, c.sha256, c.generation, 'allow_again', 'migration', 'the state had a second row of this content',
             unixepoch() * 1000
        FROM contents_twice t JOIN contents c ON c.row = t.row;
    ${INDEXES}

    DROP TABLE contents_twice;
    DROP TABLE contents_before;
    DROP TABLE pruned;
    DROP TABLE pruned_feeds;
    DROP TABLE IF EXISTS hashes_new;
    DROP TABLE IF EXISTS hashes_mid;
    DROP TABLE IF EXISTS hashes_old;
    DROP TABLE IF EXISTS hash_filter;

    ${VIEW}
    `,
    `
    DROP VIEW ingestion_state;
    DROP INDEX contents_by_hash;
    DROP INDEX contents_stored;
    DROP INDEX IF EXISTS contents_untold;
    ALTER TABLE contents RENAME TO contents_before;
    ${TABLE}
    INSERT INTO sqlite_sequence SELECT 'contents', seq FROM sqlite_sequence WHERE name = 'contents_before';
    INSERT INTO contents (${COLUMNS}) SELECT ${COLUMNS} FROM contents_before ORDER BY row;
    ${INDEXES}
    DROP TABLE contents_before;
    ${VIEW}
    `,
  ],
};
