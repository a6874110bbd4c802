/**
 * The tables of a change log. A key has one row with its last state; recording it again moves the row to the end.
 */
import type { Module } from '../../queue/index.js';

export const changeLogModule: Module = {
  name: 'change_log',
  migrations: [
    `CREATE TABLE changes (
       seq INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused, even after removals
       key BLOB NOT NULL UNIQUE CHECK (length(key) > 0),
       operation TEXT NOT NULL CHECK (operation IN ('put', 'delete')),
       at_ms INTEGER NOT NULL,
       rename_id TEXT
     ) STRICT;
     CREATE TABLE consumers (
       name TEXT PRIMARY KEY,
       acked INTEGER NOT NULL CHECK (acked >= 0),
       lost INTEGER NOT NULL DEFAULT 0 CHECK (lost IN (0, 1))
     ) STRICT, WITHOUT ROWID;
     -- 'horizon': some rows up to this seq may have been removed without a later row for their key.
     CREATE TABLE marks (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
     INSERT INTO marks VALUES ('horizon', 0);`,
    // 1 until its first acknowledgement: a consumer may die while it reads everything for the first time.
    'ALTER TABLE consumers ADD COLUMN fresh INTEGER NOT NULL DEFAULT 0 CHECK (fresh IN (0, 1))',
  ],
};

export const INSERT = `INSERT INTO changes (key, operation, at_ms, rename_id) VALUES (?, ?, ?, ?)`;
/** Removes the row of this key, and returns what it said. */
export const TAKE = 'DELETE FROM changes WHERE key = ? RETURNING operation, rename_id AS renameId';
export const LAST = "SELECT coalesce(max(seq), 0) AS seq FROM sqlite_sequence WHERE name = 'changes'";
export const HORIZON = "SELECT seq FROM marks WHERE name = 'horizon'";
export const RAISE_HORIZON = "UPDATE marks SET seq = max(seq, ?) WHERE name = 'horizon'";
export const SINCE = `SELECT seq, key, operation, at_ms, rename_id FROM changes WHERE seq > ? ORDER BY seq LIMIT ?`;
/** NULL if nobody is registered: then no change counts as read. */
export const SEEN_BY_ALL = 'SELECT min(acked) AS seq FROM consumers WHERE lost = 0';
export const REMOVE = 'DELETE FROM changes WHERE seq IN (SELECT seq FROM changes WHERE seq <= ? ORDER BY seq LIMIT ?)';
/** The newest row beyond the bound. */
export const BEYOND = 'SELECT seq FROM changes ORDER BY seq DESC LIMIT 1 OFFSET ?';
export const LOSE = 'UPDATE consumers SET lost = 1 WHERE lost = 0 AND acked < ? RETURNING name, acked';
