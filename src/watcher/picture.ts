/**
 * The picture of a tree as it was told: one row a path, in SQLite, so that memory does not grow with the tree. Without
 * a file of its own it lies in a temporary database that ends with the process.
 * Guarantees: with `statePath`, a change that was not taken by the consumer is told again at the next start: its row
 * says so until `taken`.
 * Does not: look at files.
 */
import Database from 'better-sqlite3';
import { baseOf, folderOf } from '../files/places.js';
import { type ByteName, bytesOfName } from '../linux/names.js';
import type { FileKind } from './engine/types.js';
import { WatcherError } from './errors.js';

/** What lies at a path. */
export interface Entry {
  kind: FileKind;
  /** For finding it by another name. */
  ino: number;
  /** Device, inode and time of birth: another one is another file. Without a time of birth it ends in `:`. */
  file: string;
  /** Size and mtime; '' of a directory. */
  content: string;
  /** ctime. */
  changed: string;
  /** It was looked at so soon after it changed that another change may have left the same times. */
  racy: boolean;
}

interface Row {
  parent: Buffer;
  name: Buffer;
  kind: FileKind;
  ino: number;
  file: string;
  content: string;
  changed: string;
  racy: number;
}

/** What is seen, besides what is kept of it. */
export interface Seen extends Entry {
  /** Names of the file. */
  links: number;
}

export interface Known extends Entry {
  path: ByteName;
}

const VERSION = 1;
/** 'AtWa' */
const APPLICATION = 0x41745761;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS roots (id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS entries (
    root INTEGER NOT NULL, parent BLOB NOT NULL, name BLOB NOT NULL, kind TEXT NOT NULL, ino INTEGER NOT NULL,
    file TEXT NOT NULL, content TEXT NOT NULL, changed TEXT NOT NULL, racy INTEGER NOT NULL,
    -- The number of the event that tells this row and was not taken yet, or 0.
    untaken INTEGER NOT NULL DEFAULT 0,
    -- 1: it is gone, and the event that tells so was not taken yet.
    gone INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (root, parent, name)) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS entries_ino ON entries (root, ino);
  CREATE INDEX IF NOT EXISTS entries_untaken ON entries (untaken) WHERE untaken > 0;
  CREATE TEMP TABLE missing (root INTEGER, parent BLOB, name BLOB, PRIMARY KEY (root, parent, name)) WITHOUT ROWID;`;

export class PictureStore {
  readonly db: Database.Database;

  /** Errors: WatcherError, op `state`. */
  constructor(readonly statePath: string | undefined) {
    try {
      // '' is a temporary database: in memory while it is small, else an unlinked file.
      this.db = new Database(statePath ?? '');
    } catch (error) {
      throw stateError(statePath, error, 'cannot be opened: check the path of statePath and its permissions');
    }
    try {
      this.#prepare();
    } catch (error) {
      this.db.close();
      if (error instanceof WatcherError) throw error;
      if ((error as { code?: string }).code === 'SQLITE_BUSY')
        throw stateError(statePath, error, 'is used by another watcher: give each its own statePath', 'STATE_IN_USE');
      throw stateError(statePath, error, 'is no state of a watcher: name another statePath, or remove the file');
    }
  }

  /** Whether something was told of this root before. */
  root(path: ByteName): { picture: Picture; known: boolean } {
    const bytes = bytesOfName(path);
    const known = this.db.prepare('SELECT id FROM roots WHERE path = ?').pluck().get(bytes) as number | undefined;
    const id = known ?? Number(this.db.prepare('INSERT INTO roots (path) VALUES (?)').run(bytes).lastInsertRowid);
    return { picture: new Picture(this.db, id, this.statePath !== undefined), known: known !== undefined };
  }

  close(): void {
    this.db.close();
  }

  #prepare(): void {
    const { db } = this;
    db.pragma('locking_mode = EXCLUSIVE'); // one watcher a state, told at once
    db.pragma('busy_timeout = 0');
    db.pragma('cache_size = -2048'); // memory stays small; the rest is in the file and the kernel's cache
    if (this.statePath === undefined) {
      db.pragma('journal_mode = OFF'); // what ends with the process needs no way back
      db.pragma('synchronous = OFF');
    } else {
      this.#checkVersion();
      db.pragma('journal_mode = WAL');
      db.pragma('synchronous = NORMAL'); // a power cut takes the last commits back: what they said is told again
    }
    db.exec(SCHEMA);
    db.pragma(`user_version = ${VERSION}`);
    db.pragma(`application_id = ${APPLICATION}`);
    db.exec(`UPDATE entries SET untaken = 0, gone = 0, file = '', content = '' WHERE untaken > 0`);
  }

  #checkVersion(): void {
    const version = this.db.pragma('user_version', { simple: true });
    const application = this.db.pragma('application_id', { simple: true });
    const isNew = this.db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
    if (isNew || (version === VERSION && application === APPLICATION)) return;
    const what = application === APPLICATION ? 'is of another version' : 'is no state of a watcher';
    throw stateError(this.statePath, undefined, `${what}: name another statePath, or remove the file`, 'STATE_FOREIGN');
  }
}

/** The rows of one root. */
export class Picture {
  readonly #statements;
  #writing = false;

  constructor(
    private readonly db: Database.Database,
    private readonly root: number,
    /** Whether the next start needs to know what was taken. */
    private readonly kept: boolean,
  ) {
    this.#statements = statementsOf(db);
  }

  get(path: ByteName): Known | undefined {
    const row = this.#statements.get.get(this.root, bytesOfName(folderOf(path)), bytesOfName(baseOf(path)));
    return row === undefined ? undefined : known(row as Row);
  }

  /** `event`: the number of the event that tells it; 0 where nobody has to be told. */
  put(path: ByteName, entry: Entry, event: number): void {
    this.#write();
    this.#statements.put.run(
      this.root,
      bytesOfName(folderOf(path)),
      bytesOfName(baseOf(path)),
      entry.kind,
      entry.ino,
      entry.file,
      entry.content,
      entry.changed,
      entry.racy ? 1 : 0,
      this.kept ? event : 0,
    );
  }

  remove(path: ByteName, event: number): void {
    this.#write();
    const at = [this.root, bytesOfName(folderOf(path)), bytesOfName(baseOf(path))];
    if (this.kept && event > 0) this.#statements.leave.run(event, ...at);
    else this.#statements.remove.run(...at);
  }

  /** The consumer is done with the event. */
  taken(path: ByteName, event: number): void {
    if (!this.kept) return;
    this.#write();
    const at = [this.root, bytesOfName(folderOf(path)), bytesOfName(baseOf(path)), event];
    if (this.#statements.removeTaken.run(...at).changes === 0) this.#statements.taken.run(...at);
  }

  /** The names of an inode, in their order, from behind `after`. */
  namesOf(ino: number, after: ByteName | undefined, limit: number): Known[] {
    const from = after === undefined ? [NOTHING, NOTHING] : [bytesOfName(folderOf(after)), bytesOfName(baseOf(after))];
    return (this.#statements.namesOf.all(this.root, ino, ...from, limit) as Row[]).map(known);
  }

  /** What lies directly in a directory, in the order of names, from behind `after`. */
  children(path: ByteName, after: ByteName | undefined, limit: number): Known[] {
    const from = after === undefined ? NOTHING : bytesOfName(baseOf(after));
    return (this.#statements.children.all(this.root, bytesOfName(path), from, limit) as Row[]).map(known);
  }

  /** All that lies below a directory, each directory before what it holds, from behind `after`. */
  below(path: ByteName, after: ByteName | undefined, limit: number): Known[] {
    const inside = after !== undefined && folderOf(after) !== path;
    const direct = inside ? [] : this.children(path, after, limit);
    if (direct.length === limit) return direct;
    const from = inside ? after : undefined;
    const rows = this.#statements.below.all(
      this.root,
      ...rangeBelow(path),
      ...[
        from === undefined ? NOTHING : bytesOfName(folderOf(from)),
        from === undefined ? NOTHING : bytesOfName(baseOf(from)),
      ],
      limit - direct.length,
    ) as Row[];
    return [...direct, ...rows.map(known)];
  }

  /** The last of all that lies below a directory, so that what a directory holds comes before it. */
  lastBelow(path: ByteName, limit: number): Known[] {
    const rows = this.#statements.lastBelow.all(this.root, ...rangeBelow(path), limit) as Row[];
    if (rows.length > 0) return rows.map(known);
    return (this.#statements.lastChildren.all(this.root, bytesOfName(path), limit) as Row[]).map(known);
  }

  /** A scan did not meet it: to be looked at when the scan has met all. */
  noteMissing(path: ByteName): void {
    this.#write();
    this.#statements.noteMissing.run(this.root, bytesOfName(folderOf(path)), bytesOfName(baseOf(path)));
  }

  /** Takes some of those that were noted. */
  takeMissing(limit: number): ByteName[] {
    const rows = this.#statements.missing.all(this.root, limit) as Pick<Row, 'parent' | 'name'>[];
    for (const { parent, name } of rows) this.#statements.forgetMissing.run(this.root, parent, name);
    return rows.map(pathOf);
  }

  /** What was written is kept from here on. To be called before each `await`: nobody waits inside a transaction. */
  commit(): void {
    if (!this.#writing) return;
    this.#writing = false;
    // After some errors SQLite has ended the transaction itself.
    if (this.db.inTransaction) this.db.exec('COMMIT');
  }

  #write(): void {
    if (this.#writing && this.db.inTransaction) return;
    if (!this.db.inTransaction) this.db.exec('BEGIN IMMEDIATE');
    this.#writing = true;
  }
}

const NOTHING = Buffer.alloc(0);
/** Behind every path: a name has at most 255 bytes. */
const LAST = Buffer.alloc(256, 0xff);
const AT = 'root = ? AND parent = ? AND name = ?';
const COLUMNS = 'parent, name, kind, ino, file, content, changed, racy';

function statementsOf(db: Database.Database) {
  return {
    get: db.prepare(`SELECT ${COLUMNS} FROM entries WHERE ${AT} AND gone = 0`),
    put: db.prepare(`INSERT OR REPLACE INTO entries (root, ${COLUMNS}, untaken) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    leave: db.prepare(`UPDATE entries SET untaken = ?, gone = 1 WHERE ${AT}`),
    remove: db.prepare(`DELETE FROM entries WHERE ${AT}`),
    removeTaken: db.prepare(`DELETE FROM entries WHERE ${AT} AND untaken = ? AND gone = 1`),
    taken: db.prepare(`UPDATE entries SET untaken = 0 WHERE ${AT} AND untaken = ?`),
    namesOf: db.prepare(
      `SELECT ${COLUMNS} FROM entries WHERE root = ? AND ino = ? AND (parent, name) > (?, ?) AND gone = 0
       ORDER BY parent, name LIMIT ?`,
    ),
    children: db.prepare(
      `SELECT ${COLUMNS} FROM entries WHERE root = ? AND parent = ? AND name > ? AND gone = 0 ORDER BY name LIMIT ?`,
    ),
    below: db.prepare(
      `SELECT ${COLUMNS} FROM entries WHERE root = ? AND parent >= ? AND parent < ? AND (parent, name) > (?, ?) AND gone = 0
       ORDER BY parent, name LIMIT ?`,
    ),
    lastBelow: db.prepare(
      `SELECT ${COLUMNS} FROM entries WHERE root = ? AND parent >= ? AND parent < ? AND gone = 0
       ORDER BY parent DESC, name DESC LIMIT ?`,
    ),
    lastChildren: db.prepare(
      `SELECT ${COLUMNS} FROM entries WHERE root = ? AND parent = ? AND gone = 0 ORDER BY name DESC LIMIT ?`,
    ),
    noteMissing: db.prepare('INSERT OR IGNORE INTO missing VALUES (?, ?, ?)'),
    missing: db.prepare('SELECT parent, name FROM missing WHERE root = ? ORDER BY parent, name LIMIT ?'),
    forgetMissing: db.prepare(`DELETE FROM missing WHERE ${AT}`),
  };
}

/** Of the parents of all that lies deeper than directly in the directory. */
function rangeBelow(path: ByteName): [Buffer, Buffer] {
  // '0' follows '/'. Below the root lies everything but what lies directly in it.
  if (path === '') return [Buffer.from([0]), LAST];
  return [bytesOfName(`${path}/` as ByteName), bytesOfName(`${path}0` as ByteName)];
}

const known = (row: Row): Known => ({ ...row, path: pathOf(row), racy: row.racy === 1 });

function pathOf({ parent, name }: Pick<Row, 'parent' | 'name'>): ByteName {
  const base = name.toString('latin1');
  return (parent.length === 0 ? base : `${parent.toString('latin1')}/${base}`) as ByteName;
}

function stateError(statePath: string | undefined, cause: unknown, what: string, code?: string): WatcherError {
  const found = code ?? (cause as { code?: string }).code ?? 'STATE_UNUSABLE';
  return new WatcherError('state', statePath ?? '', found, `The state ${statePath} ${what} (${found}).`, { cause });
}
