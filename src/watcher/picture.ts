/**
 * The picture of a tree as it was told: one row a path, so that memory does not grow with the tree.
 * Guarantees: with a state that is kept, a change that was not taken by the consumer is told again at the next start:
 * its row says so until `taken`.
 * Does not: look at files.
 */
import type Database from 'better-sqlite3';
import { baseOf, folderOf } from '../files/places.js';
import { type ByteName, joinNames } from '../linux/names.js';
import type { FileKind } from './engine/types.js';
import { type Statements, statementsOf } from './picture-sql.js';

/** What lies at a path. */
export interface Entry {
  kind: FileKind;
  /** For finding it by another name. */
  ino: number;
  /** Device, inode and time of birth: another one is another file. Without a time of birth it ends in `:`. */
  file: string;
  /** Size and mtime; '' of a directory. */
  content: string;
  /** ctime; '' of a directory. */
  changed: string;
  /** It was looked at so soon after it changed that another change may have left the same times. */
  racy: boolean;
}

export interface Row {
  parent: ByteName;
  name: ByteName;
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

/** The rows of one root. Names are kept as they are in the program: text with a character a byte. */
export class Picture {
  readonly #statements: Statements;
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
    const row = this.#statements.get.get(this.root, folderOf(path), baseOf(path));
    return row === undefined ? undefined : known(row as Row);
  }

  /** `event`: the number of the event that tells it; 0 where nobody has to be told. */
  put(path: ByteName, entry: Entry, event: number): void {
    this.#write();
    this.#statements.put.run(
      this.root,
      folderOf(path),
      baseOf(path),
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
    const at = [this.root, ...placeOf(path)];
    if (this.kept && event > 0) this.#statements.leave.run(event, ...at);
    else this.#statements.remove.run(...at);
  }

  /** Nothing is known, and nothing is to be told. */
  get isEmpty(): boolean {
    return this.#statements.any.get(this.root) === undefined;
  }

  /** All of the tree is in it: at the next start, what differs from it is told. */
  whole(): void {
    this.#write();
    this.#statements.whole.run(this.root);
  }

  /** The consumer is done with the event: kept from here on, or with what is being written. */
  taken(path: ByteName, event: number): void {
    if (!this.kept) return;
    const alone = !this.db.inTransaction;
    this.#write();
    const at = [this.root, ...placeOf(path), event];
    if (this.#statements.removeTaken.run(...at).changes === 0) this.#statements.taken.run(...at);
    if (alone) this.commit();
  }

  /** The names of an inode, in their order, from behind `after`. */
  namesOf(ino: number, after: ByteName | undefined, limit: number): Known[] {
    // Most files are new, and this answers in a twentieth of the time (0.8 µs, 16).
    if (this.#statements.hasInode.get(this.root, ino) === undefined) return [];
    return (this.#statements.namesOf.all(this.root, ino, ...placeOf(after), limit) as Row[]).map(known);
  }

  /** The names directly in a directory, in their order, from behind `after`. */
  namesIn(path: ByteName, after: ByteName | undefined, limit: number): ByteName[] {
    const rows = this.#statements.names.all(this.root, path, after ?? NOTHING, limit) as Pick<Row, 'name'>[];
    return rows.map(({ name }) => name);
  }

  /** What lies directly in a directory, in the order of names, from behind `after`. */
  children(path: ByteName, after: ByteName | undefined, limit: number): Known[] {
    const from = after === undefined ? NOTHING : baseOf(after);
    return (this.#statements.children.all(this.root, path, from, limit) as Row[]).map(known);
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
      ...placeOf(from),
      limit - direct.length,
    ) as Row[];
    return [...direct, ...rows.map(known)];
  }

  /** The last of all that lies below a directory, so that what a directory holds comes before it. */
  lastBelow(path: ByteName, limit: number): Known[] {
    const rows = this.#statements.lastBelow.all(this.root, ...rangeBelow(path), limit) as Row[];
    if (rows.length > 0) return rows.map(known);
    return (this.#statements.lastChildren.all(this.root, path, limit) as Row[]).map(known);
  }

  /** A scan did not meet it: to be looked at when the scan has met all. */
  noteMissing(path: ByteName): void {
    this.#write();
    this.#statements.noteMissing.run(this.root, folderOf(path), baseOf(path));
  }

  /** Takes some of those that were noted. */
  takeMissing(limit: number): ByteName[] {
    const rows = this.#statements.missing.all(this.root, limit) as Pick<Row, 'parent' | 'name'>[];
    for (const { parent, name } of rows) this.#statements.forgetMissing.run(this.root, parent, name);
    return rows.map(({ parent, name }) => joinNames(parent, name));
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

const NOTHING = '';
/** Directory and name, as the rows have them. */
const placeOf = (path: ByteName | undefined): [string, string] =>
  path === undefined ? [NOTHING, NOTHING] : [folderOf(path), baseOf(path)];

/** Behind every byte of a name. */
const LAST = '\u0100';

/** Of the parents of all that lies deeper than directly in the directory: '0' follows '/'. */
const rangeBelow = (path: ByteName): [string, string] => (path === '' ? ['\u0001', LAST] : [`${path}/`, `${path}0`]);

const known = (row: Row): Known => ({
  path: joinNames(row.parent, row.name),
  kind: row.kind,
  ino: row.ino,
  file: row.file,
  content: row.content,
  changed: row.changed,
  racy: row.racy === 1,
});
