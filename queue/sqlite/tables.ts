/**
 * A database with only a caller's own tables: no jobs, no owners. For data that is not a queue, but needs the same care
 * (settings, migrations, waiting for other processes).
 * Guarantees: all writes of one turn share a transaction, each caller in its own savepoint. Callers continue after
 * COMMIT, when the bytes are on disk. A caller that throws undoes only its own writes. Several processes may write in
 * turns.
 * Errors: QueueError of `open.ts` and `errors.ts`; an error that a caller throws is passed on unchanged.
 */
import type { Host } from '../backend.js';
import { clockOf } from '../clock.js';
import { typedSqlError } from '../errors.js';
import { Committer, retryWhileBusy } from './commit.js';
import type { Module } from './migrations.js';
import { checkStillOurs, giveToOwner, type Opened, openMigrated } from './open.js';
import { Rows } from './rows.js';
import { SqliteTx } from './tx.js';

export interface TablesOptions {
  /** The database. `-wal`, `-shm` and `.lock` (for migrations) are beside it. */
  path: string;
  host: Host;
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
  return new Tables(opened, host);
}

export class Tables {
  readonly #rows: Rows;
  readonly #committer: Committer;

  constructor(
    private readonly opened: Opened,
    host: Host,
  ) {
    const { db, path } = opened;
    this.#rows = new Rows(db);
    this.#committer = new Committer(this.#rows, new SqliteTx(db, path), clockOf(host), opened, () => {});
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
    return this.#committer.submit(fn);
  }

  /** Throws if the path names another file now, or if a newer build changed it. */
  checkStillOurs(): void {
    checkStillOurs(this.opened);
  }

  /** Finishes the pending writes, then closes. Safe to call twice. */
  async close(): Promise<void> {
    await this.#committer.idle();
    this.opened.db.close();
  }
}
