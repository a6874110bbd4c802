/**
 * The one committer of a process: all writes of its stages in one turn of the event loop share a transaction.
 * Guarantees: a caller continues after COMMIT. A caller that fails undoes only its own writes. If SQLite ended the
 * whole transaction (on a full disk), every caller fails and none continues. Nothing is written outside a transaction,
 * or into a state that a newer build has changed; that build does the work again.
 * To wait for another process's transaction, BEGIN IMMEDIATE is tried again after a random 0.2–1.2 ms. SQLite's own
 * busy wait starves: with five writers, one did 2 commits in 4 s and the longest wait was 3.8 s; with this wait it was
 * 0.18 s.
 */
import type { Clock } from '../clock.js';
import { isBusy, typedSqlError } from '../errors.js';
import { limits } from '../limits.js';
import { History } from './history.js';
import { newerDatabase } from './migrations.js';
import type { Opened } from './open.js';
import type { Rows } from './rows.js';
import type { SqliteTx } from './tx.js';

/** A caller whose writes share a transaction. */
interface Caller {
  fn: (tx: SqliteTx) => unknown;
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
}

/** How long a turn may block before the event loop continues. */
const BLOCK_MS = 5;
/** A wait this long means that the other process is stopped. From then on, waiting does not block the event loop. */
const STOPPED_MS = 500;
const sleeper = new Int32Array(new SharedArrayBuffer(4));
const randomWaitMs = () => limits.busyRetryMs[0] + Math.random() * (limits.busyRetryMs[1] - limits.busyRetryMs[0]);

/** Blocks this thread, only for fractions of a millisecond (the shortest timer takes a whole one). */
export const pauseShortly = (): void => void Atomics.wait(sleeper, 0, 0, randomWaitMs());

/** A read may get BUSY while another process recovers or closes the log; that takes milliseconds. */
export function retryWhileBusy<T>(fn: () => T): T {
  let end: number | undefined;
  for (; ; pauseShortly()) {
    try {
      return fn();
    } catch (error) {
      end ??= performance.now() + 5_000;
      if (!isBusy(error) || performance.now() > end) throw error;
    }
  }
}

export class Committer {
  #callers: Caller[] = [];
  #scheduled = false;
  #waitsSince: number | undefined;
  #idle: (() => void)[] = [];
  readonly #history = new History();

  constructor(
    readonly rows: Rows,
    readonly tx: SqliteTx,
    readonly clock: Clock,
    readonly opened: Pick<Opened, 'path' | 'version'>,
    /** Called after each commit, with its transaction. */
    readonly afterCommit: (made: SqliteTx) => void,
  ) {}

  /** Runs `fn` in the next shared transaction; resolves after COMMIT. */
  submit<T>(fn: (tx: SqliteTx) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#callers.push({ fn, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(() => this.#turn());
    });
  }

  /** Resolves when nothing waits to be written. */
  idle(): Promise<void> {
    return this.#scheduled ? new Promise((resolve) => this.#idle.push(resolve)) : Promise.resolve();
  }

  #turn(): void {
    try {
      if (!this.#begin()) {
        this.#waitsSince ??= performance.now();
        setTimeout(() => this.#turn(), this.#waitsForStopped() ? 10 : 1);
        return;
      }
      this.#waitsSince = undefined;
    } catch (error) {
      this.#end(this.#callers.splice(0), typedSqlError(error, this.opened.path));
      this.#next();
      return;
    }
    const done = this.#commit(this.#callers.splice(0));
    this.#next();
    if (done) this.afterCommit(this.tx);
  }

  #next(): void {
    this.#scheduled = this.#callers.length > 0;
    if (this.#scheduled) {
      setImmediate(() => this.#turn());
      return;
    }
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** False if other processes kept the write lock all the time. */
  #begin(): boolean {
    const end = performance.now() + (this.#waitsForStopped() ? 0 : BLOCK_MS);
    for (let tries = 0; tries === 0 || performance.now() < end; tries++) {
      if (tries > 0) pauseShortly();
      try {
        this.rows.run('BEGIN IMMEDIATE');
        this.tx.begin(this.clock.nowMs(), this.clock.wallMs());
        return true;
      } catch (error) {
        if (!isBusy(error)) throw error;
      }
    }
    return false;
  }

  #waitsForStopped(): boolean {
    return this.#waitsSince !== undefined && performance.now() - this.#waitsSince > STOPPED_MS;
  }

  /** False if nothing was written. */
  #commit(callers: Caller[]): boolean {
    const answers: { caller: Caller; value?: unknown; error?: unknown }[] = [];
    try {
      if (this.rows.pragma('user_version') > this.opened.version) throw newerDatabase(this.opened.path);
      for (const caller of callers) answers.push({ caller, ...this.#runOne(caller) });
      this.#history.write(this.tx);
      this.rows.run('COMMIT');
    } catch (error) {
      if (this.tx.db.inTransaction) this.rows.run('ROLLBACK');
      this.#end(callers, typedSqlError(error, this.opened.path));
      return false;
    }
    for (const { caller, value, error } of answers) {
      if (error === undefined) caller.resolve(value as never);
      else caller.reject(error);
    }
    return true;
  }

  /** Throws only if SQLite ended the transaction. A failure of this caller alone is a return value. */
  #runOne(caller: Caller): { value?: unknown; error?: unknown } {
    try {
      return { value: this.tx.isolated(() => caller.fn(this.tx)) };
    } catch (error) {
      if (!this.tx.db.inTransaction) throw error;
      return { error: typedSqlError(error, this.opened.path) ?? new Error('a caller threw nothing') };
    }
  }

  #end(callers: Caller[], error: unknown): void {
    for (const caller of callers) caller.reject(error);
  }
}
