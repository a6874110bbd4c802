/**
 * The tree as it was delivered to the consumer: one row a path, so that memory does not grow with the tree.
 * A row is written when the consumer is done with the event that tells it, never before. What it was given last is noted
 * beside the rows: after a stop or a kill it may have that, or not.
 * Does not: look at files.
 */
import type Database from 'better-sqlite3';
import { baseOf, folderOf } from '../../files/places.js';
import { type ByteName, joinNames } from '../../linux/names.js';
import type { FileKind } from '../backend/types.js';
import { type Statements, statementsOf } from './delivered-tree-sql.js';

/** What lies at a path. */
export interface Entry {
  kind: FileKind;
  /** For finding it by another name. */
  ino: number;
  /**
   * Device, inode and time of birth: another one is another file. Without a time of birth it ends in `:`. '' of what the
   * consumer may have, or not.
   */
  file: string;
  /** Size and mtime; '' of a directory. */
  content: string;
  /** ctime; '' of a directory. */
  changed: string;
  /** It is told once more: something may have happened to it that its size and times do not show. */
  doubted: boolean;
}

interface Row {
  parent: ByteName;
  name: ByteName;
  kind: FileKind;
  ino: number;
  file: string;
  content: string;
  changed: string;
  doubted: number;
  renamed: string | null;
}

/** What is seen, besides what is kept of it. */
export interface Seen extends Entry {
  /** Names of the file. */
  links: number;
}

export interface Known extends Entry {
  path: ByteName;
  /** The id under which the new name of this directory was told. */
  renamed?: string;
}

/** The rows of one root. Names are kept as they are in the program: text with a character a byte. */
export class DeliveredTree {
  readonly #statements: Statements;
  #writing = false;

  constructor(
    private readonly db: Database.Database,
    private readonly root: number,
  ) {
    this.#statements = statementsOf(db);
  }

  get(path: ByteName): Known | undefined {
    const row = this.#statements.get.get(this.root, folderOf(path), baseOf(path));
    return row === undefined ? undefined : known(row as Row);
  }

  put(path: ByteName, entry: Entry): void {
    this.#write();
    const { kind, ino, file, content, changed, doubted } = entry;
    const at = [this.root, ...rowKey(path)];
    this.#statements.put.run(...at, kind, ino, file, content, changed, doubted ? 1 : 0);
  }

  remove(path: ByteName): void {
    this.#write();
    this.#statements.remove.run(this.root, ...rowKey(path));
  }

  /** The consumer is being given these, and has all that it was given before. */
  noteOutstanding(handedOut: readonly { path: ByteName; entry: Entry }[]): void {
    this.#write();
    this.#statements.clearOutstanding.run(this.root);
    for (const { path, entry } of handedOut)
      this.#statements.addOutstanding.run(this.root, ...rowKey(path), entry.kind);
  }

  /** All that lies below a directory. */
  removeBelow(path: ByteName): void {
    this.#write();
    this.#statements.removeChildren.run(this.root, path);
    this.#statements.removeBelow.run(this.root, ...rangeBelow(path));
  }

  /** It is told once more, whatever its times say. */
  doubt(path: ByteName): void {
    this.#write();
    this.#statements.doubt.run(this.root, ...rowKey(path));
  }

  /** The same of all that lies below a directory. */
  doubtBelow(path: ByteName): void {
    this.#write();
    this.#statements.doubtChildren.run(this.root, path);
    this.#statements.doubtBelow.run(this.root, ...rangeBelow(path));
  }

  /** The new name of the directory was told with this id. */
  renamed(path: ByteName, id: string): void {
    this.#write();
    this.#statements.renamed.run(id, this.root, ...rowKey(path));
  }

  /** Nothing is known. */
  get isEmpty(): boolean {
    return this.#statements.any.get(this.root) === undefined;
  }

  /** All of the tree is in it: at the next start, what differs from it is told. */
  whole(): void {
    this.#write();
    this.#statements.whole.run(this.root);
  }

  /** The names of an inode, in their order, from behind `after`. */
  namesOf(ino: number, after: ByteName | undefined, limit: number): Known[] {
    // Most files are new, and this answers in a twentieth of the time (0.8 µs, 16).
    if (this.#statements.hasInode.get(this.root, ino) === undefined) return [];
    return (this.#statements.namesOf.all(this.root, ino, ...rowKey(after), limit) as Row[]).map(known);
  }

  /** The names directly in a directory, in their order, from behind `after`. */
  namesIn(path: ByteName, after: ByteName | undefined, limit: number): ByteName[] {
    const rows = this.#statements.names.all(this.root, path, after ?? NOTHING, limit) as Pick<Row, 'name'>[];
    return rows.map(({ name }) => name);
  }

  /** All rows, each directory before what it holds, from behind `after`. */
  all(after: ByteName | undefined, limit: number): Known[] {
    return (this.#statements.all.all(this.root, ...rowKey(after), limit) as Row[]).map(known);
  }

  /** The last of what lies below a directory: a directory only where it is empty. */
  lastBelow(path: ByteName): Known | undefined {
    const row =
      this.#statements.lastBelow.get(this.root, ...rangeBelow(path)) ?? this.#statements.lastChild.get(this.root, path);
    return row === undefined ? undefined : known(row as Row);
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

  /** Of the filter by which it was made; undefined where that is not known. */
  filterKept(): string | undefined {
    return (this.#statements.filterKept.get(this.root) as { filter: string | null }).filter ?? undefined;
  }

  keepFilter(filter: string): void {
    this.#write();
    this.#statements.keepFilter.run(filter, this.root);
  }

  #write(): void {
    if (this.#writing && this.db.inTransaction) return;
    if (!this.db.inTransaction) this.db.exec('BEGIN IMMEDIATE');
    this.#writing = true;
  }
}

const NOTHING = '';
/** Directory and name, as the rows have them. */
const rowKey = (path: ByteName | undefined): [string, string] =>
  path === undefined ? [NOTHING, NOTHING] : [folderOf(path), baseOf(path)];

/** Behind every byte of a name. */
const LAST = '\u0100';

/** The range of the parents of all that lies deeper than directly in the directory: '0' follows '/'. */
const rangeBelow = (path: ByteName): [string, string] => (path === '' ? ['\u0001', LAST] : [`${path}/`, `${path}0`]);

const known = (row: Row): Known => ({
  path: joinNames(row.parent, row.name),
  kind: row.kind,
  ino: row.ino,
  file: row.file,
  content: row.content,
  changed: row.changed,
  doubted: row.doubted === 1,
  ...(row.renamed !== null && { renamed: row.renamed }),
});
