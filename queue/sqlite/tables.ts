/**
 * A database of a caller's own tables and nothing else: no jobs, no owners. For what is kept with the queue's care (its
 * settings, its migrations, its way of waiting for other processes) and is no queue.
 * Guarantees: what is written in one turn shares a transaction, each caller in a savepoint of its own; callers go on after
 * COMMIT, with the bytes on disk; a caller that throws undoes itself alone; several processes may write in turns.
 * Errors: QueueError of `open.ts` and `errors.ts`; what a caller throws comes out as it is.
 */
import type Database from 'better-sqlite3';
import type { Host } from '../backend.js';
import { typedSqlError } from '../errors.js';
import { retryWhileBusy } from './commit.js';
import { type Module, newerDatabase } from './migrations.js';
import { checkStillOurs, giveToOwner, type Opened, openMigrated, untilNotBusy } from './open.js';
import { Rows } from './rows.js';

export interface TablesOptions {
  /** The database; `-wal`, `-shm` and `.lock` (of migrations) lie beside it. */
  path: string;
  host: Pick<Host, 'openLockFile'>;
  module: Module;
}

interface Caller {
  fn: (rows: Rows) => unknown;
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
}

/** Makes the file (0600) where there is none. */
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
  #callers: Caller[] = [];
  /** The turn that is under way; another one follows it where callers came meanwhile. */
  #turning: Promise<void> | undefined;
  #closed = false;

  constructor(private readonly opened: Opened) {
    this.#rows = new Rows(opened.db);
  }

  /** One statement, or several that need not be of one moment. */
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

  /** Throws when the path names another file now, or a newer build changed this one. */
  checkStillOurs(): void {
    checkStillOurs(this.opened);
  }

  /** What was asked for is written first. Safe to call twice. */
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

  /** Answers how its callers are told: after it, so that none of them goes on before all is said. */
  async #commit(): Promise<() => void> {
    const { db, path, version } = this.opened;
    let callers: Caller[] = [];
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

  /** Throws only when SQLite ended the transaction (a full disk does): then it ended for all of its callers. */
  #runOne(db: Database.Database, { fn, resolve, reject }: Caller): () => void {
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
