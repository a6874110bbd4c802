/**
 * The database of the delivered trees: at `statePath`, or a temporary one that ends with the process.
 * Guarantees: one watcher for each state. A file that is not the state of a watcher is refused and left unchanged.
 */
import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import type { ByteName } from '../../linux/names.js';
import { WatcherError } from '../options/errors.js';
import { DeliveredTree } from './delivered-tree.js';
import { DOUBT_IN_HAND, SCHEMA } from './delivered-tree-sql.js';

const VERSION = 2;
/** 'AtWa' */
const APPLICATION = 0x41745761;

export class StateStore {
  readonly db: Database.Database;

  /** Errors: WatcherError, op `state`. */
  constructor(readonly statePath: string | undefined) {
    refuseStub(statePath);
    try {
      // '' is a temporary database: in memory while it is small, otherwise an unlinked file.
      this.db = new Database(statePath ?? '');
    } catch (error) {
      throw stateError(statePath, error, whyNotOpened(statePath));
    }
    try {
      this.#prepare();
    } catch (error) {
      this.db.close();
      if (error instanceof WatcherError) throw error;
      if ((error as { code?: string }).code === 'SQLITE_BUSY')
        throw stateError(statePath, error, IN_USE, 'STATE_IN_USE');
      throw stateError(statePath, error, FOREIGN);
    }
  }

  /**
   * `known`: a complete delivered tree of this root exists, so differences from it are reported. With `initial` it exists
   * from the first start on: it is empty, because the consumer has nothing. So an initial report that was cut short is
   * finished by the next start.
   */
  root(path: ByteName, initial = false): { deliveredTree: DeliveredTree; known: boolean } {
    this.db.prepare('INSERT OR IGNORE INTO roots (path) VALUES (?)').run(path);
    const row = this.db.prepare('SELECT id, whole FROM roots WHERE path = ?').get(path) as {
      id: number;
      whole: number;
    };
    const deliveredTree = new DeliveredTree(this.db, row.id);
    if (row.whole === 0 && initial) {
      // These rows were stored without events, by a start that did not finish.
      deliveredTree.removeBelow('' as ByteName);
      deliveredTree.whole();
      deliveredTree.commit();
    }
    return { deliveredTree, known: row.whole === 1 || initial };
  }

  close(): void {
    this.db.close();
  }

  #prepare(): void {
    const { db } = this;
    db.pragma('locking_mode = EXCLUSIVE'); // a second watcher of this state is refused at once
    db.pragma('busy_timeout = 0');
    db.pragma('cache_size = -512'); // memory stays small; the rest is in the file and the kernel's cache
    if (this.statePath === undefined) {
      db.pragma('journal_mode = OFF'); // a temporary database needs no rollback
      db.pragma('synchronous = OFF');
    } else {
      this.#checkVersion();
      db.pragma('journal_mode = WAL');
      db.pragma('synchronous = NORMAL'); // a power cut may undo the last commits; their events are then delivered again
    }
    db.exec(SCHEMA);
    db.exec(DOUBT_IN_HAND);
    db.pragma(`user_version = ${VERSION}`);
    db.pragma(`application_id = ${APPLICATION}`);
  }

  #checkVersion(): void {
    const version = this.db.pragma('user_version', { simple: true });
    const application = this.db.pragma('application_id', { simple: true });
    const isNew = this.db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
    if (isNew || (version === VERSION && application === APPLICATION)) return;
    const what = application === APPLICATION ? `is of another version: ${ELSEWHERE}` : FOREIGN;
    throw stateError(this.statePath, undefined, what, 'STATE_FOREIGN');
  }
}

const ELSEWHERE = 'name another statePath, or remove the file';
const FOREIGN = `is no state of a watcher: ${ELSEWHERE}`;

/** SQLite takes a file that is shorter than its smallest page for an empty database, and would write over it. */
function refuseStub(statePath = ''): void {
  const bytes = statSync(statePath, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes > 0 && bytes < 512) throw stateError(statePath, undefined, FOREIGN, 'STATE_FOREIGN');
}

const IN_USE = 'is used by another watcher: stop the other watcher, or give this one its own statePath';

function whyNotOpened(statePath = ''): string {
  const folder = dirname(statePath);
  return existsSync(folder)
    ? 'cannot be opened: check the path of statePath and its permissions'
    : `cannot be opened, because the folder ${folder} does not exist: make it, or correct the path of statePath`;
}

export function stateError(statePath: string | undefined, cause: unknown, what: string, code?: string): WatcherError {
  const found = code ?? (cause as { code?: string }).code ?? 'STATE_UNUSABLE';
  return new WatcherError('state', statePath ?? '', found, `The state ${statePath} ${what} (${found}).`, { cause });
}
