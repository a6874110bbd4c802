/**
 * The tables of the queue as a numbered, append-only list: a released entry is never edited.
 * Guarantees: the CHECK constraints repeat queue/states.ts (test/queue/sqlite/schema.test.ts compares the two). Readers
 * use the views. Transitions are checked through the column `was`: a trigger would need a statement journal, which
 * inside a savepoint costs four times the whole update (78 µs a row, against 17 µs). A CHECK with a list of more than
 * two values (IN (…)) builds a table in each statement; without such lists, SQLite's share of the time for a file is a
 * sixth smaller. Each index is written with nearly every row, at thousands of rows a second, so each one needs a
 * reason.
 */
export const QUEUE_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO meta VALUES ('next_owner', 1);

  CREATE TABLE feeds (name TEXT PRIMARY KEY, options TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE owners (id INTEGER PRIMARY KEY, title TEXT NOT NULL, since_ms INTEGER NOT NULL) STRICT;

  CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY,             -- order of creation
    id TEXT NOT NULL UNIQUE,             -- the id that users see
    feed TEXT NOT NULL,
    key BLOB NOT NULL,
    identity TEXT NOT NULL,
    stage TEXT NOT NULL,
    state TEXT NOT NULL,
    was TEXT,                            -- the state before this one: each change of state sets "was = state"
    due_ms INTEGER NOT NULL,             -- boot clock; for a waiting job: when its wait began
    owner INTEGER,
    claim_no INTEGER NOT NULL DEFAULT 0 CHECK (claim_no >= 0),
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    crashes INTEGER NOT NULL DEFAULT 0 CHECK (crashes >= 0),
    keyed INTEGER NOT NULL DEFAULT 1 CHECK (keyed IN (0, 1)),
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    payload TEXT NOT NULL,
    hold_code TEXT,
    reason TEXT,
    waits_on TEXT,
    ending TEXT,
    created_ms INTEGER NOT NULL,         -- wall clock
    updated_ms INTEGER NOT NULL,
    trail TEXT NOT NULL,
    -- A column of one state is NULL in the others. There are no other states.
    CHECK (CASE state
      WHEN 'ready' THEN owner IS NULL AND waits_on IS NULL AND hold_code IS NULL AND ending IS NULL
      WHEN 'claimed' THEN owner IS NOT NULL AND waits_on IS NULL AND hold_code IS NULL AND ending IS NULL
      WHEN 'waiting' THEN owner IS NULL AND waits_on IS NOT NULL AND hold_code IS NULL AND ending IS NULL
      WHEN 'held' THEN owner IS NULL AND waits_on IS NULL AND hold_code IS NOT NULL AND ending IS NULL
      WHEN 'done' THEN owner IS NULL AND waits_on IS NULL AND hold_code IS NULL AND ending IS NOT NULL AND keyed = 0
      ELSE 0
    END),
    CHECK (CASE was
      WHEN 'ready' THEN state = 'ready' OR state = 'claimed'
      WHEN 'claimed' THEN 1
      WHEN 'waiting' THEN state = 'ready'
      WHEN 'held' THEN state <> 'claimed' AND state <> 'waiting'
      WHEN 'done' THEN state = 'ready'
    END)
  ) STRICT;

  -- For claims: one probe per feed. It has bytes and the row number, so that counts need not read a row.
  CREATE INDEX jobs_ready ON jobs (stage, feed, due_ms, seq, bytes) WHERE state = 'ready';
  -- At most one job has a key; a freed key costs nothing.
  CREATE UNIQUE INDEX jobs_by_key ON jobs (feed, key) WHERE keyed = 1;
  -- As small as the rows that they list. Waiting and held jobs, which may be many, are counted without reading a row.
  CREATE INDEX jobs_claimed ON jobs (owner) WHERE state = 'claimed';
  CREATE INDEX jobs_waiting ON jobs (waits_on, due_ms, stage, feed) WHERE state = 'waiting';
  CREATE INDEX jobs_held ON jobs (id, feed, hold_code) WHERE state = 'held';
  CREATE INDEX jobs_held_for ON jobs (feed, stage, hold_code) WHERE state = 'held';
  -- Ready jobs that a stage has looked at and left, by reason. Most jobs never have a reason.
  CREATE INDEX jobs_why ON jobs (reason, feed, stage, seq) WHERE state = 'ready' AND reason IS NOT NULL;

  -- Wakes that are requested and not finished: thousands of jobs in a transaction, through any crash.
  CREATE TABLE wakes (target TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

  CREATE TABLE gates (
    feed TEXT NOT NULL,
    stage TEXT NOT NULL,
    cause TEXT NOT NULL CHECK (cause IN ('pause', 'place', 'watermark')),
    place TEXT NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    since_ms INTEGER NOT NULL,           -- wall clock
    probe_due_ms INTEGER NOT NULL,       -- boot clock
    prober INTEGER,
    PRIMARY KEY (feed, stage, cause, place)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE counters (
    feed TEXT NOT NULL,
    stage TEXT NOT NULL,
    name TEXT NOT NULL,
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (feed, stage, name)
  ) STRICT, WITHOUT ROWID;

  -- How many jobs that are not done are in each stage, by the second of their creation: reading the depths of a
  -- million jobs reads a few rows.
  -- A row that comes to 0 is removed.
  CREATE TABLE depths (
    feed TEXT NOT NULL,
    stage TEXT NOT NULL,
    second INTEGER NOT NULL,             -- wall clock
    jobs INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (feed, stage, second)
  ) STRICT, WITHOUT ROWID;

  -- How long jobs were in a stage that they have left for good: a histogram with buckets by power of two of milliseconds.
  CREATE TABLE durations (
    feed TEXT NOT NULL,
    stage TEXT NOT NULL,
    below_ms INTEGER NOT NULL,           -- shorter than this, and at least half of it
    jobs INTEGER NOT NULL,
    ms INTEGER NOT NULL,                 -- the sum over all these jobs
    PRIMARY KEY (feed, stage, below_ms)
  ) STRICT, WITHOUT ROWID;

  -- The jobs that ended last, as many as a page shows: no index finds them among a million.
  CREATE TABLE endings (number INTEGER PRIMARY KEY, job TEXT NOT NULL) STRICT;

  -- All counters about every ten seconds of the last minutes (JSON: [feed, stage, name, files, bytes] each).
  CREATE TABLE history (at_ms INTEGER PRIMARY KEY, counters TEXT NOT NULL) STRICT;

  -- For statements of callers that read jobs. Only queue/ names a table.
  CREATE VIEW all_jobs AS SELECT seq, id, feed, key, identity, stage, state, keyed, bytes, payload, reason, waits_on, ending,
    due_ms, trail, created_ms, updated_ms FROM jobs;
  `,
  `
  -- The figures of a feed ('*': of all feeds together) as they were about every minute in which they changed, for a day.
  CREATE TABLE samples (
    feed TEXT NOT NULL,
    at_ms INTEGER NOT NULL,              -- wall clock
    counts TEXT NOT NULL,                -- JSON: [name, files, bytes] each, summed over the stages
    stages TEXT NOT NULL,                -- JSON: [stage, jobs, bytes, second of the oldest] each
    durations TEXT,                      -- JSON: [stage, below_ms, jobs] each; in one row of about ten minutes
    PRIMARY KEY (feed, at_ms)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- The job that has been held longest comes first.
  DROP INDEX jobs_held_for;
  CREATE INDEX jobs_held_for ON jobs (feed, stage, hold_code, updated_ms) WHERE state = 'held';
  `,
  `
  -- 1 after a claim ended without a settlement of its own; a stage empties it.
  ALTER TABLE jobs ADD COLUMN interrupted INTEGER NOT NULL DEFAULT 0 CHECK (interrupted IN (0, 1));
  -- How far the claims of an older build came is not known.
  UPDATE jobs SET interrupted = 1 WHERE state <> 'done' AND claim_no > 0;
  `,
  `
  -- Wall clock, since it has to hold while nothing runs: from then on the gate closes nothing. NULL: it stays closed.
  ALTER TABLE gates ADD COLUMN until_ms INTEGER;
  `,
  `
  -- The code of the last failed attempt, from its settlement to the next one. Its text may name the file, so failed attempts are
  -- grouped by their code. (An older build did not store it.)
  ALTER TABLE jobs ADD COLUMN error_code TEXT;
  UPDATE jobs SET error_code = 'unknown'
    WHERE state <> 'done' AND reason IS NOT NULL AND json_extract(trail, '$[#-1][1]') = 'retry';
  DROP INDEX jobs_why;
  CREATE INDEX jobs_why ON jobs (coalesce('error ' || error_code, reason), feed, stage, seq)
    WHERE state = 'ready' AND reason IS NOT NULL;
  `,
  `
  -- With "why", as the index has it.
  DROP VIEW all_jobs;
  CREATE VIEW all_jobs AS SELECT seq, id, feed, key, identity, stage, state, keyed, bytes, payload, reason,
    coalesce('error ' || error_code, reason) AS why, waits_on, ending, due_ms, trail, created_ms, updated_ms FROM jobs;
  `,
];
