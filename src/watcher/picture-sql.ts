/** The tables of a picture, and every statement on its rows. */
import type Database from 'better-sqlite3';

export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS roots (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, whole INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE IF NOT EXISTS entries (
    root INTEGER NOT NULL, parent TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, ino INTEGER NOT NULL,
    file TEXT NOT NULL, content TEXT NOT NULL, changed TEXT NOT NULL, racy INTEGER NOT NULL,
    -- The number of the event that tells this row and was not taken yet, or 0.
    untaken INTEGER NOT NULL DEFAULT 0,
    -- 1: it is gone, and the event that tells so was not taken yet.
    gone INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (root, parent, name)) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS entries_ino ON entries (root, ino);
  CREATE INDEX IF NOT EXISTS entries_untaken ON entries (untaken) WHERE untaken > 0;
  CREATE TEMP TABLE missing (root INTEGER, parent TEXT, name TEXT, PRIMARY KEY (root, parent, name)) WITHOUT ROWID;`;

const AT = 'root = ? AND parent = ? AND name = ?';
const COLUMNS = 'parent, name, kind, ino, file, content, changed, racy';

/** `INDEXED BY`: without statistics SQLite takes the primary key there, and reads most of the tree. */
const SQL = {
  get: `SELECT ${COLUMNS} FROM entries WHERE ${AT} AND gone = 0`,
  any: 'SELECT 1 FROM entries WHERE root = ? LIMIT 1',
  put: `INSERT OR REPLACE INTO entries (root, ${COLUMNS}, untaken) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  leave: `UPDATE entries SET untaken = ?, gone = 1 WHERE ${AT}`,
  remove: `DELETE FROM entries WHERE ${AT}`,
  removeTaken: `DELETE FROM entries WHERE ${AT} AND untaken = ? AND gone = 1`,
  taken: `UPDATE entries SET untaken = 0 WHERE ${AT} AND untaken = ?`,
  hasInode: 'SELECT 1 FROM entries INDEXED BY entries_ino WHERE root = ? AND ino = ? LIMIT 1',
  namesOf: `SELECT ${COLUMNS} FROM entries INDEXED BY entries_ino WHERE root = ? AND ino = ? AND (parent, name) > (?, ?) AND gone = 0
       ORDER BY parent, name LIMIT ?`,
  children: `SELECT ${COLUMNS} FROM entries WHERE root = ? AND parent = ? AND name > ? AND gone = 0 ORDER BY name LIMIT ?`,
  names: 'SELECT name FROM entries WHERE root = ? AND parent = ? AND name > ? AND gone = 0 ORDER BY name LIMIT ?',
  below: `SELECT ${COLUMNS} FROM entries WHERE root = ? AND parent >= ? AND parent < ? AND (parent, name) > (?, ?) AND gone = 0
       ORDER BY parent, name LIMIT ?`,
  lastBelow: `SELECT ${COLUMNS} FROM entries WHERE root = ? AND parent >= ? AND parent < ? AND gone = 0
       ORDER BY parent DESC, name DESC LIMIT ?`,
  lastChildren: `SELECT ${COLUMNS} FROM entries WHERE root = ? AND parent = ? AND gone = 0 ORDER BY name DESC LIMIT ?`,
  whole: 'UPDATE roots SET whole = 1 WHERE id = ?',
  noteMissing: 'INSERT OR IGNORE INTO missing VALUES (?, ?, ?)',
  missing: 'SELECT parent, name FROM missing WHERE root = ? ORDER BY parent, name LIMIT ?',
  forgetMissing: `DELETE FROM missing WHERE ${AT}`,
};

export type Statements = Record<keyof typeof SQL, Database.Statement>;

export const statementsOf = (db: Database.Database): Statements =>
  Object.fromEntries(Object.entries(SQL).map(([name, sql]) => [name, db.prepare(sql)])) as Statements;
