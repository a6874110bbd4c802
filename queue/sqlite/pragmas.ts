/**
 * The settings of every connection, with a reason on each line.
 */
import type Database from 'better-sqlite3';

export function setPragmas(db: Database.Database): void {
  db.pragma('busy_timeout = 0'); // SQLite's own wait starves one of five writers; commit.ts waits instead
  db.pragma('journal_mode = WAL'); // readers never wait for a writer, and a writer never waits for readers
  db.pragma('synchronous = FULL'); // NORMAL lost 19 acknowledged rows in 62 power cuts; FULL costs 4 %
  db.pragma('wal_autocheckpoint = 4000'); // 16 MB: each checkpoint syncs the database once
  db.pragma('journal_size_limit = 67108864'); // truncates a WAL that grew because of a slow reader
  db.pragma('temp_store = MEMORY'); // savepoints keep old pages; the default writes them into a temporary file
  db.pragma('cache_size = -16384'); // 16 MB: with 32 MB it was 5 % slower (100,000 files), and a worker needs more memory
  db.pragma('trusted_schema = OFF'); // functions in a schema that somebody else wrote are not run
}

/** Changes the cache of this connection only, from now on. */
export const setCache = (db: Database.Database, kib: number): void => void db.pragma(`cache_size = -${kib}`);

/** For reading: no setting that writes. */
export function setReadPragmas(db: Database.Database): void {
  db.pragma('busy_timeout = 0');
  db.pragma('query_only = ON');
  db.pragma('temp_store = MEMORY');
  db.pragma('trusted_schema = OFF');
}
