/**
 * The tables of a delivered tree, and every statement on its rows.
 */
import type Database from 'better-sqlite3';

export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS roots (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, whole INTEGER NOT NULL DEFAULT 0,
    -- The text of the filter (filterText) with which the rows were written.
    filter TEXT);
  CREATE TABLE IF NOT EXISTS entries (
    root INTEGER NOT NULL, parent TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, ino INTEGER NOT NULL,
    file TEXT NOT NULL, content TEXT NOT NULL, changed TEXT NOT NULL, doubted INTEGER NOT NULL,
    -- The rename id with which the new name of this directory was delivered; kept until its content is delivered there.
    renamed TEXT,
    PRIMARY KEY (root, parent, name)) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS entries_ino ON entries (root, ino);
  -- The outstanding events: whether the consumer has them is unknown until it asks for the next event.
  CREATE TABLE IF NOT EXISTS in_hand (
    root INTEGER NOT NULL, parent TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, PRIMARY KEY (root, parent, name)) WITHOUT ROWID;
  CREATE TEMP TABLE missing (root INTEGER, parent TEXT, name TEXT, PRIMARY KEY (root, parent, name)) WITHOUT ROWID;`;

/**
 * Runs at a start. The consumer may or may not have the events that were outstanding at a stop or a kill. So these
 * paths are reported again: their current state, or a delete if nothing is there any more. For a directory, or an entry
 * of another kind than the stored one, no file is recorded, because the consumer may not have it.
 */
export const DOUBT_IN_HAND = `
  INSERT OR REPLACE INTO entries (root, parent, name, kind, ino, file, content, changed, doubted)
    SELECT root, parent, name, kind, 0, '', '', '', 1 FROM in_hand h WHERE kind = 'directory' OR NOT EXISTS
      (SELECT 1 FROM entries e WHERE (e.root, e.parent, e.name, e.kind) = (h.root, h.parent, h.name, h.kind));
  UPDATE entries SET doubted = 1 WHERE (root, parent, name) IN (SELECT root, parent, name FROM in_hand);
  DELETE FROM in_hand;`;

const AT = 'root = ? AND parent = ? AND name = ?';
const COLUMNS = 'parent, name, kind, ino, file, content, changed, doubted, renamed';
const BELOW = 'root = ? AND parent >= ? AND parent < ?';

/** `INDEXED BY`: without statistics SQLite would use the primary key here, and read most of the tree. */
const SQL = {
  get: `SELECT ${COLUMNS} FROM entries WHERE ${AT}`,
  any: 'SELECT 1 FROM entries WHERE root = ? LIMIT 1',
  put: `INSERT OR REPLACE INTO entries (root, parent, name, kind, ino, file, content, changed, doubted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  remove: `DELETE FROM entries WHERE ${AT}`,
  removeChildren: 'DELETE FROM entries WHERE root = ? AND parent = ?',
  removeBelow: `DELETE FROM entries WHERE ${BELOW}`,
  doubt: `UPDATE entries SET doubted = 1 WHERE ${AT}`,
  doubtChildren: 'UPDATE entries SET doubted = 1 WHERE root = ? AND parent = ?',
  doubtBelow: `UPDATE entries SET doubted = 1 WHERE ${BELOW}`,
  renamed: `UPDATE entries SET renamed = ? WHERE ${AT}`,
  hasInode: 'SELECT 1 FROM entries INDEXED BY entries_ino WHERE root = ? AND ino = ? LIMIT 1',
  namesOf: `SELECT ${COLUMNS} FROM entries INDEXED BY entries_ino WHERE root = ? AND ino = ? AND (parent, name) > (?, ?)
       ORDER BY parent, name LIMIT ?`,
  names: 'SELECT name FROM entries WHERE root = ? AND parent = ? AND name > ? ORDER BY name LIMIT ?',
  all: `SELECT ${COLUMNS} FROM entries WHERE root = ? AND (parent, name) > (?, ?) ORDER BY parent, name LIMIT ?`,
  lastBelow: `SELECT ${COLUMNS} FROM entries WHERE ${BELOW} ORDER BY parent DESC, name DESC LIMIT 1`,
  lastChild: `SELECT ${COLUMNS} FROM entries WHERE root = ? AND parent = ? ORDER BY name DESC LIMIT 1`,
  whole: 'UPDATE roots SET whole = 1 WHERE id = ?',
  addOutstanding: 'INSERT INTO in_hand VALUES (?, ?, ?, ?)',
  clearOutstanding: 'DELETE FROM in_hand WHERE root = ?',
  noteMissing: 'INSERT OR IGNORE INTO missing VALUES (?, ?, ?)',
  missing: 'SELECT parent, name FROM missing WHERE root = ? ORDER BY parent, name LIMIT ?',
  forgetMissing: `DELETE FROM missing WHERE ${AT}`,
  filterKept: 'SELECT filter FROM roots WHERE id = ?',
  keepFilter: 'UPDATE roots SET filter = ? WHERE id = ?',
};

export type Statements = Record<keyof typeof SQL, Database.Statement>;

export const statementsOf = (db: Database.Database): Statements =>
  Object.fromEntries(Object.entries(SQL).map(([name, sql]) => [name, db.prepare(sql)])) as Statements;
