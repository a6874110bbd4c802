/**
 * The notes of an audit: up to millions of rows, lines and files, in a private database beside the state, so that memory stays
 * flat. The digests survive an interrupted audit, so that the next one reads no byte twice.
 * Guarantees: one audit of a state at a time.
 * Does not: touch the state itself.
 */
import { chownSync, closeSync, openSync, rmSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { EnvironmentError } from '../../base/errors.js';

const TABLES = `
  CREATE TABLE IF NOT EXISTS digests (path BLOB PRIMARY KEY, identity TEXT, sha256 BLOB) WITHOUT ROWID;
  DROP TABLE IF EXISTS contents; DROP TABLE IF EXISTS lines; DROP TABLE IF EXISTS pieces; DROP TABLE IF EXISTS named;
  DROP TABLE IF EXISTS outputs; DROP TABLE IF EXISTS withdrawn; DROP TABLE IF EXISTS hours; DROP TABLE IF EXISTS files; DROP TABLE IF EXISTS gone;
  CREATE TABLE contents (row INTEGER PRIMARY KEY, feed TEXT, sha256 BLOB, state TEXT, carrier TEXT, size INTEGER,
    device TEXT, inode TEXT, mtimeNs TEXT, sourcePath BLOB, seal TEXT, target BLOB, hour TEXT, ingestId TEXT,
    ingestedAtMs INTEGER, generation INTEGER, path BLOB, hasLeft INTEGER);
  CREATE TABLE lines (id INTEGER PRIMARY KEY, feed TEXT, sha256 BLOB, generation INTEGER, ingestId TEXT, path BLOB, file TEXT, no INTEGER,
    raw TEXT);
  CREATE TABLE outputs (path BLOB, ingestId TEXT, size INTEGER, sha256 BLOB, hasLeft INTEGER, PRIMARY KEY (path, ingestId)) WITHOUT ROWID;
  CREATE TABLE pieces (id INTEGER PRIMARY KEY, root TEXT, hour TEXT, file TEXT, no INTEGER, bytes INTEGER, text TEXT, told INTEGER);
  CREATE TABLE named (sha256 BLOB, piece INTEGER, PRIMARY KEY (sha256, piece)) WITHOUT ROWID;
  CREATE TABLE withdrawn (feed TEXT, ingestId TEXT, takenOut INTEGER, PRIMARY KEY (feed, ingestId)) WITHOUT ROWID;
  CREATE TABLE hours (root TEXT, hour TEXT, PRIMARY KEY (root, hour)) WITHOUT ROWID;
  CREATE TABLE gone (feed TEXT, hour TEXT, PRIMARY KEY (feed, hour)) WITHOUT ROWID;
  CREATE TABLE files (path BLOB PRIMARY KEY, feed TEXT, kind TEXT, size INTEGER, mtimeNs TEXT, inode TEXT, identity TEXT,
    sha256 BLOB, known INTEGER) WITHOUT ROWID;`;

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

export class AuditNotes {
  readonly #db: Database.Database;
  readonly #statements = new Map<string, Database.Statement>();

  /** Errors: EnvironmentError `audit_running`, `state_folder_unusable`. */
  constructor(
    readonly path: string,
    statePath: string,
  ) {
    this.#db = open(path, statePath);
  }

  index(): void {
    this.#db.exec(INDEXES);
  }

  get<T>(sql: string, ...params: unknown[]): T | undefined {
    return this.#statement(sql).get(...params) as T | undefined;
  }
  all<T>(sql: string, ...params: unknown[]): T[] {
    return this.#statement(sql).all(...params) as T[];
  }
  run(sql: string, ...params: unknown[]): number {
    return Number(this.#statement(sql).run(...params).lastInsertRowid);
  }

  /** Runs one transaction. Thousands of rows cost as much as one. */
  together(act: () => void): void {
    this.#db.transaction(act)();
  }

  /** Ends and keeps the notes for the next audit. */
  close(): void {
    this.#db.close();
  }

  /** Ends a complete audit and deletes the notes. */
  remove(): void {
    this.#db.close();
    removeAll(this.path);
  }

  #statement(sql: string): Database.Statement {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

function open(path: string, statePath: string): Database.Database {
  try {
    return opened(path, statePath);
  } catch (error) {
    const code = (error as { code?: string }).code ?? '';
    if (/^SQLITE_BUSY/.test(code)) {
      throw new EnvironmentError(
        'audit_running',
        `another ingest-ctl audit of this state is at work (its notes are ${path}): wait until it has ended.`,
      );
    }
    if (!/^SQLITE_(CORRUPT|NOTADB)/.test(code)) throw unusable(path, code || String(error));
    // Damaged notes are deleted without a question. Without them an audit only takes longer.
    removeAll(path);
    return opened(path, statePath);
  }
}

function opened(path: string, statePath: string): Database.Database {
  createFile(path);
  const db = new Database(path, { timeout: 0 });
  try {
    db.pragma('locking_mode = EXCLUSIVE');
    db.pragma('journal_mode = TRUNCATE');
    // A power cut may cost the notes and nothing else.
    db.pragma('synchronous = OFF');
    // Lookups are random in notes of up to a gigabyte. A cache of 64 MiB bounds the memory.
    db.pragma('cache_size = -65536');
    db.exec(`BEGIN IMMEDIATE; ${TABLES} COMMIT`);
    if (process.geteuid?.() === 0) {
      const { uid, gid } = statSync(statePath);
      chownSync(path, uid, gid);
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Created with mode 0600, because it contains file names. */
function createFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function removeAll(path: string): void {
  for (const name of [path, `${path}-journal`]) rmSync(name, { force: true });
}

const unusable = (path: string, why: string): EnvironmentError =>
  new EnvironmentError(
    'state_folder_unusable',
    `an audit keeps its notes in ${path}, which cannot be written (${why}): run it as the user that ingest runs as, and see that the disk has space.`,
  );
