/**
 * A database with only a caller's own tables: no jobs, no owners. For data that is not a queue, but needs the same care
 * (settings, migrations, waiting for other processes).
 * Guarantees: all writes of one turn share a transaction, each caller in its own savepoint. Callers continue after
 * COMMIT, when the bytes are on disk. A caller that throws undoes only its own writes. Several processes may write in
 * turns.
 * Errors: QueueError of `open.ts` and `errors.ts`; an error that a caller throws is passed on unchanged.
 */
import type Database from 'better-sqlite3';
import type { Host } from '../backend.js';
import { typedSqlError } from '../errors.js';
import { type Caller, retryWhileBusy } from './commit.js';
import { type Module, newerDatabase } from './migrations.js';
import { checkStillOurs, giveToOwner, type Opened, openMigrated, untilNotBusy } from './open.js';
import { Rows } from './rows.js';

export interface TablesOptions {
  /** The database. `-wal`, `-shm` and `.lock` (for migrations) are beside it. */
  path: string;
  host: Pick<Host, 'openLockFile'>;
  module: Module;
}

/** Creates the file (0600) if it is missing. */
export async function openTables({ path, host, module }: TablesOptions): Promise<Tables> {
  const lock = `${path}.lock`;
  const opened = await openMigrated(path, {
    modules: [module],
    create: true,
    openLocks: () => host.openLockFile(lock),
  });
  giveToOwner(lock, path);
  return new Tables(opened);
}

export class Tables {
  readonly #rows: Rows;
  #callers: Caller<Rows>[] = [];
  /** The turn that is under way. Another one follows if callers came meanwhile. */
  #turning: Promise<void> | undefined;
  #closed = false;

  constructor(private readonly opened: Opened) {
    this.#rows = new Rows(opened.db);
  }

  /** Runs one statement, or several that need not see the same moment. */
  read<T>(fn: (rows: Rows) => T): T {
    try {
      return retryWhileBusy(() => fn(this.#rows));
    } catch (error) {
      throw typedSqlError(error, this.opened.path);
    }
  }

  /** Runs `fn` in the next shared transaction; resolves after COMMIT. */
  write<T>(fn: (rows: Rows) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#callers.push({ fn, resolve, reject });
      this.#turning ??= this.#turn();
    });
  }

  /** Throws if the path names another file now, or if a newer build changed it. */
  checkStillOurs(): void {
    checkStillOurs(this.opened);
  }

  /** Finishes the pending writes, then closes. Safe to call twice. */
  async close(): Promise<void> {
    await this.#turning;
    if (!this.#closed) this.opened.db.close();
    this.#closed = true;
  }

  async #turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#callers.length > 0) {
      const end = await this.#commit();
      end();
    }
    this.#turning = undefined;
  }

  /**
   * Returns a function that answers the callers. It runs afterwards, so that no caller continues before the turn is
   * complete.
   */
  async #commit(): Promise<() => void> {
    const { db, path, version } = this.opened;
    let callers: Caller<Rows>[] = [];
    try {
      await untilNotBusy(() => db.prepare('BEGIN IMMEDIATE').run());
      callers = this.#callers.splice(0);
      if (this.#rows.pragma('user_version') > version) throw newerDatabase(path);
      const answers = callers.map((caller) => this.#runOne(db, caller));
      db.prepare('COMMIT').run();
      return () => {
        for (const answer of answers) answer();
      };
    } catch (error) {
      if (db.inTransaction) db.prepare('ROLLBACK').run();
      if (callers.length === 0) callers = this.#callers.splice(0);
      const typed = typedSqlError(error, path);
      return () => {
        for (const { reject } of callers) reject(typed);
      };
    }
  }

  /** Throws only if SQLite ended the transaction (on a full disk); then it failed for all of its callers. */
  #runOne(db: Database.Database, { fn, resolve, reject }: Caller<Rows>): () => void {
    this.#rows.run('SAVEPOINT caller');
    try {
      const value = fn(this.#rows);
      this.#rows.run('RELEASE caller');
      return () => resolve(value as never);
    } catch (error) {
      if (!db.inTransaction) throw error;
      this.#rows.run('ROLLBACK TO caller');
      this.#rows.run('RELEASE caller');
      return () => reject(typedSqlError(error, this.opened.path));
    }
  }
}
