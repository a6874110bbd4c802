/** The ledger's tables. `contents` and the view are as the first version had them: contents-schema.ts makes them again. */
export const ledgerModule = {
  name: 'ledger',
  migrations: [
    `
    CREATE TABLE contents (
      row INTEGER PRIMARY KEY AUTOINCREMENT,
      feed TEXT NOT NULL,
      sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
      generation INTEGER NOT NULL DEFAULT 1,
      state TEXT NOT NULL CHECK (state = 'carried' OR state = 'manifested' OR state = 'stored'),
      -- AUTOINCREMENT: a row number that was given up with a discarded content must never name another one
      -- the job that carries it; kept for people after it is stored
      carrier TEXT NOT NULL,
      size INTEGER NOT NULL,
      -- the original file when it was sealed; decimal text, because inodes above 2^63 and times after 2262 exist
      device TEXT NOT NULL,
      inode TEXT NOT NULL,
      mtime_ns TEXT NOT NULL,
      source_path BLOB NOT NULL,
      seal TEXT NOT NULL CHECK (seal IN ('lease', 'copy')),
      -- reserved when its line is planned: the target below the feed's warehouse, and the hour of the manifest file
      target BLOB,
      hour TEXT,
      ingest_id TEXT,
      ingested_at_ms INTEGER,
      -- 'unconfirmed': its file was taken away before our commit saw it at its target
      note TEXT,
      created_at_ms INTEGER NOT NULL,
      updated_at_ms INTEGER NOT NULL
    );
    CREATE UNIQUE INDEX contents_by_hash ON contents (feed, sha256, generation);

    -- Targets, as whole paths, that are planned and not on disk yet, or only just. Older names are found on the disk itself.
    -- Files come in the order of their names, and so do these rows: few pages for many rows.
    CREATE TABLE reservations (
      path TEXT PRIMARY KEY,
      content INTEGER NOT NULL
    ) WITHOUT ROWID;

    -- Appends that are planned and not confirmed: at most one for each file.
    CREATE TABLE appends (
      -- AUTOINCREMENT: a slow process that has read an append must never find a later one under its number
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      feed TEXT NOT NULL,
      file TEXT NOT NULL UNIQUE,
      inode INTEGER NOT NULL,
      at INTEGER NOT NULL,
      bytes BLOB NOT NULL,
      -- JSON: {"rows": [rows of contents], "jobs": [jobs with a correction]}
      items TEXT NOT NULL,
      -- the process that writes it; 0: none, and the first one that comes writes it again
      owner INTEGER NOT NULL
    );

    -- Lines that take back the manifest line of a discarded job, until they are written.
    CREATE TABLE corrections (
      job TEXT PRIMARY KEY,
      hour TEXT NOT NULL,
      line TEXT NOT NULL
    ) WITHOUT ROWID;

    -- The end of each manifest file, up to which it is ours.
    CREATE TABLE manifest_ends (
      file TEXT PRIMARY KEY,
      feed TEXT NOT NULL,
      inode INTEGER NOT NULL,
      end_at INTEGER NOT NULL
    ) WITHOUT ROWID;

    -- The roots of a feed as they were set up, with the ids of their markers.
    CREATE TABLE roots (
      feed TEXT NOT NULL,
      kind TEXT NOT NULL CHECK (kind IN ('input', 'work', 'manifests', 'warehouse')),
      path TEXT NOT NULL,
      marker TEXT,
      PRIMARY KEY (feed, kind)
    ) WITHOUT ROWID;

    -- Findings of living processes about a feed that close no gate (src/ingest/health/notices.ts).
    CREATE TABLE notices (
      feed TEXT NOT NULL,
      code TEXT NOT NULL,
      -- distinguishes notices of one code by a path; else ''
      what TEXT NOT NULL,
      reason TEXT NOT NULL,
      since_ms INTEGER NOT NULL,
      -- the process; the notice counts while it lives
      owner INTEGER NOT NULL,
      PRIMARY KEY (feed, code, what)
    ) WITHOUT ROWID;

    ${ingestionState('contents')}
    `,
  ],
} as const;

/** The state as the first users of this protocol know it. `contents`: the rows of the ledger that it has. */
export function ingestionState(contents: string): string {
  return `CREATE VIEW ingestion_state AS
      SELECT CAST(device AS INTEGER) AS device, CAST(inode AS INTEGER) AS inode, lower(hex(sha256)) AS sha256, size,
             -- whole seconds, also before 1970
             CAST(mtime_ns AS INTEGER) / 1000000000 - (CAST(mtime_ns AS INTEGER) % 1000000000 < 0) AS mtime,
             CAST(source_path AS TEXT) AS source_path, CAST(target AS TEXT) AS warehouse_path,
             CASE state WHEN 'carried' THEN 'HASHED' WHEN 'manifested' THEN 'MANIFESTED' ELSE 'MOVED' END AS state,
             created_at_ms / 1000 AS created_at, updated_at_ms / 1000 AS updated_at
        FROM ${contents}
      UNION ALL
      SELECT CAST(substr(identity, 1, instr(identity, ':') - 1) AS INTEGER),
             CAST(substr(identity, instr(identity, ':') + 1) AS INTEGER),
             json_extract(payload, '$.sha256'), bytes, NULL, CAST(key AS TEXT), NULL,
             CASE WHEN state = 'held' THEN 'HELD' WHEN state = 'done' THEN 'SKIPPED_DUPLICATE' ELSE 'DISCOVERED' END,
             created_ms / 1000, updated_ms / 1000
        FROM all_jobs
       WHERE state = 'held' OR (state = 'done' AND ending = 'duplicate')
          OR (state IN ('ready', 'claimed', 'waiting') AND stage IN ('verify-complete', 'hash'));`;
}

/** Warehouses that an empty one had replaced, as the version before noted them (names.ts takes them over). */
export const replacedModule = {
  name: 'replaced',
  migrations: [
    `
    CREATE TABLE replaced_warehouses (
      feed TEXT NOT NULL,
      last_row INTEGER NOT NULL,
      path TEXT NOT NULL,
      at_ms INTEGER NOT NULL,
      PRIMARY KEY (feed, last_row)
    ) STRICT, WITHOUT ROWID;
    `,
  ],
} as const;
