/** A state as the version before left it: each had the tables of the shared ledger, a state that had joined a row and triggers too. */
import Database from 'better-sqlite3';

const TABLES = `
  CREATE TABLE shared_host (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL, name TEXT NOT NULL, ledger TEXT NOT NULL,
    incarnation TEXT NOT NULL, joined INTEGER NOT NULL, told INTEGER NOT NULL DEFAULT 0) STRICT;
  CREATE TABLE shared_claims (content INTEGER PRIMARY KEY, claim TEXT NOT NULL, held TEXT, elsewhere INTEGER NOT NULL DEFAULT 0) STRICT;
  CREATE INDEX shared_claims_by_claim ON shared_claims (claim);
  CREATE TABLE shared_outbox (n INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('stored', 'released', 'permitted', 'withdrawn')), feed TEXT NOT NULL, sha256 BLOB NOT NULL,
    generation INTEGER NOT NULL, claim TEXT, job TEXT, ingest_id TEXT, target BLOB, size INTEGER) STRICT;
  CREATE INDEX shared_outbox_by_hash ON shared_outbox (sha256);`;

const JOINED = `
  INSERT INTO shared_host VALUES (1, '0b7a9c52-8c1d-4a8e-9f5e-1f0c2d3e4a5b', 'lake-1', 'db.example.org:5432/ingest', '1', 1, 0);
  CREATE TRIGGER shared_stored AFTER UPDATE OF state ON contents WHEN NEW.state = 'stored' AND OLD.state <> 'stored' BEGIN
    INSERT INTO shared_outbox (kind, feed, sha256, generation) VALUES ('stored', NEW.feed, NEW.sha256, NEW.generation); END;`;

/** Makes a state of this version one of the version before. No process may have it open. */
export function makeBefore(statePath: string, { joined }: { joined: boolean }): void {
  const db = new Database(statePath);
  try {
    db.exec(`DROP TABLE host; ${TABLES}`);
    if (joined) db.exec(JOINED);
    db.exec("DELETE FROM migrations WHERE module = 'shared' AND number > 1");
    db.pragma(`user_version = ${(db.pragma('user_version', { simple: true }) as number) - 2}`);
    db.pragma('wal_checkpoint(TRUNCATE)');
  } finally {
    db.close();
  }
}

/** The names of tables, indexes and triggers that belong to the shared ledger, and its row in SQLite's table of numbers. */
export function sharedIn(statePath: string): string[] {
  const db = new Database(statePath, { readonly: true });
  try {
    return db
      .prepare(
        "SELECT name FROM sqlite_schema WHERE name LIKE '%shared%' OR sql LIKE '%shared_%' UNION ALL SELECT name FROM sqlite_sequence WHERE name LIKE 'shared%'",
      )
      .pluck()
      .all() as string[];
  } finally {
    db.close();
  }
}
