/**
 * The notes of a dry run about up to a million files: which it saw, in what order, with which contents. They are in a private
 * temporary database of this process, so that memory stays flat.
 */
import Database from 'better-sqlite3';
import { Rows } from '../../../queue/index.js';
import type { Observation } from '../../ingest/rules/facts.js';

export interface Note {
  seq: number;
  feed: string;
  path: Buffer;
  seen: Observation;
  /** How often the file was found changed. */
  changes: number;
}

export class DryNotes extends Rows {
  constructor() {
    super(new Database('')); // a temporary one: in memory while it is small, otherwise an unlinked file
    this.db.exec(`
      CREATE TABLE files (seq INTEGER PRIMARY KEY, feed TEXT, path BLOB, seen TEXT, changes INTEGER);
      CREATE TABLE contents (feed TEXT, sha256 BLOB, path BLOB, PRIMARY KEY (feed, sha256)) WITHOUT ROWID;`);
  }

  add(feed: string, path: Buffer, seen: Observation, changes = 0): void {
    const sql = 'INSERT INTO files (feed, path, seen, changes) VALUES (?, ?, ?, ?)';
    this.run(sql, feed, path, JSON.stringify(seen), changes);
  }

  /** Returns the next file in the order in which they were seen. A file that was added again comes last. */
  after(seq: number): Note | undefined {
    const sql = 'SELECT * FROM files WHERE seq > ? ORDER BY seq LIMIT 1';
    const row = this.get<Omit<Note, 'seen'> & { seen: string }>(sql, seq);
    return row && { ...row, seen: JSON.parse(row.seen) as Observation };
  }

  /** Returns the path that had this content first. If there is none, notes this path as the first. */
  twinOf(feed: string, sha256: Buffer, path: Buffer): Buffer | undefined {
    if (this.run('INSERT OR IGNORE INTO contents VALUES (?, ?, ?)', feed, sha256, path).changes > 0) return undefined;
    return this.get<{ path: Buffer }>('SELECT path FROM contents WHERE feed = ? AND sha256 = ?', feed, sha256)!.path;
  }

  close(): void {
    this.db.close();
  }
}
