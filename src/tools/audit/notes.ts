/**
 * The notes of an audit: up to millions of rows, lines and files, in a temporary database of this process, so that memory stays
 * flat and nothing is left of an audit that was killed.
 * Does not: touch the state itself.
 */
import Database from 'better-sqlite3';
import { Rows } from '../../../queue/index.js';

const TABLES = `
  CREATE TABLE contents (row INTEGER PRIMARY KEY, feed TEXT, sha256 BLOB, state TEXT, carrier TEXT, size INTEGER,
    device TEXT, inode TEXT, mtimeNs TEXT, sourcePath BLOB, seal TEXT, target BLOB, hour TEXT, ingestId TEXT,
    ingestedAtMs INTEGER, generation INTEGER, path BLOB, hasLeft INTEGER);
  CREATE TABLE lines (id INTEGER PRIMARY KEY, feed TEXT, sha256 BLOB, generation INTEGER, ingestId TEXT, path BLOB, file TEXT, no INTEGER,
    raw TEXT);
  CREATE TABLE outputs (path BLOB, ingestId TEXT, size INTEGER, sha256 BLOB, hasLeft INTEGER DEFAULT 0, PRIMARY KEY (path, ingestId)) WITHOUT ROWID;
  CREATE TABLE pieces (id INTEGER PRIMARY KEY, root TEXT, hour TEXT, file TEXT, no INTEGER, bytes INTEGER, text TEXT, told INTEGER DEFAULT 0);
  CREATE TABLE named (sha256 BLOB, piece INTEGER, PRIMARY KEY (sha256, piece)) WITHOUT ROWID;
  CREATE TABLE withdrawn (feed TEXT, ingestId TEXT, takenOut INTEGER, PRIMARY KEY (feed, ingestId)) WITHOUT ROWID;
  CREATE TABLE hours (root TEXT, hour TEXT, PRIMARY KEY (root, hour)) WITHOUT ROWID;
  CREATE TABLE gone (feed TEXT, hour TEXT, PRIMARY KEY (feed, hour)) WITHOUT ROWID;
  CREATE TABLE unread (warehouse TEXT, feed TEXT, manifests TEXT, PRIMARY KEY (warehouse, feed)) WITHOUT ROWID;
  CREATE TABLE sharing (warehouse TEXT, feed TEXT, PRIMARY KEY (warehouse, feed)) WITHOUT ROWID;
  CREATE TABLE files (path BLOB PRIMARY KEY, feed TEXT, kind TEXT, size INTEGER, mtimeNs TEXT, inode TEXT, identity TEXT,
    sha256 BLOB, known INTEGER DEFAULT 0) WITHOUT ROWID;`;

/** Created when the tables are full. An index that grows with every row costs more than all other work. */
const INDEXES = `
  CREATE INDEX contents_by_path ON contents (path);
  CREATE INDEX contents_by_hash ON contents (feed, sha256);
  CREATE INDEX contents_by_ingest ON contents (ingestId);
  CREATE INDEX lines_by_path ON lines (path);
  CREATE INDEX lines_by_hash ON lines (feed, sha256);
  CREATE INDEX lines_by_ingest ON lines (ingestId);
  CREATE INDEX outputs_by_ingest ON outputs (ingestId);
  CREATE INDEX pieces_by_hour ON pieces (root, hour);
  CREATE INDEX pieces_by_place ON pieces (file, no);
  UPDATE files SET known = EXISTS (SELECT 1 FROM contents c WHERE c.path = files.path)
    OR EXISTS (SELECT 1 FROM lines l WHERE l.path = files.path) OR EXISTS (SELECT 1 FROM outputs o WHERE o.path = files.path);
  CREATE INDEX files_unknown ON files (path) WHERE known = 0;
  CREATE INDEX files_found ON files (sha256) WHERE known = 0;`;

/** KiB: lookups are random in notes of up to a gigabyte. */
const CACHE_KIB = 64 * 1_024;

export class AuditNotes extends Rows {
  constructor() {
    super(new Database('')); // a temporary one: in memory while it is small, otherwise an unlinked file
    this.db.pragma(`cache_size = -${CACHE_KIB}`);
    this.db.exec(TABLES);
  }

  index(): void {
    this.db.exec(INDEXES);
  }

  /** Enters a row, unless there is one with its key. Returns its number. */
  insert(table: string, row: object): number {
    const columns = Object.keys(row);
    const values = columns.map((column) => `@${column}`);
    const sql = `INSERT OR IGNORE INTO ${table} (${columns.join(', ')}) VALUES (${values.join(', ')})`;
    return Number(this.run(sql, row).lastInsertRowid);
  }

  /** Runs one transaction. Thousands of rows cost as much as one. */
  together(act: () => void): void {
    this.db.transaction(act)();
  }

  close(): void {
    this.db.close();
  }
}
