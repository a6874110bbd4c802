/**
 * The one committer of a process: what its stages have to write in a turn shares one transaction.
 * Guarantees: callers go on after COMMIT; a caller's failure undoes that caller only; when SQLite ended the whole
 * transaction (a full disk does), every caller of it fails and none goes on; nothing is ever written outside a transaction,
 * and nothing into a state that a newer build has changed: what is in hand then is that build's to do again.
 * Waiting for another process's transaction: BEGIN IMMEDIATE is tried again after a random 0.2–1.2 ms, because SQLite's
 * own busy wait starves (five writers: one did 2 commits in 4 s, longest wait 3.8 s; so 0.18 s).
 */
import type { Clock } from '../clock.js';
import { isBusy, typedSqlError } from '../errors.js';
import { limits } from '../limits.js';
import { History } from './history.js';
import { newerDatabase } from './migrations.js';
import type { Opened } from './open.js';
import type { Rows } from './rows.js';
import type { SqliteTx } from './tx.js';

interface Caller {
  fn: (tx: SqliteTx) => unknown;
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
}

/** How long a turn may be blocked before the event loop gets its own again. */
const BLOCK_MS = 5;
/** Who waits longer than others ever need waits for somebody who is stopped, and blocks its own event loop no more. */
const STOPPED_MS = 500;
const sleeper = new Int32Array(new SharedArrayBuffer(4));
const randomWaitMs = () => limits.busyRetryMs[0] + Math.random() * (limits.busyRetryMs[1] - limits.busyRetryMs[0]);

/** Blocks this thread: only for fractions of a millisecond (a timer's shortest is a whole one). */
export const pauseShortly = (): void => void Atomics.wait(sleeper, 0, 0, randomWaitMs());

/** A read may meet BUSY while another process recovers or closes the log: it is over in milliseconds. */
export function retryWhileBusy<T>(fn: () => T, longestMs = 5_000): T {
  let end: number | undefined;
  for (; ; pauseShortly()) {
    try {
      return fn();
    } catch (error) {
      end ??= performance.now() + longestMs;
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
    /** Called after each commit, with what it made. */
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

  /** Resolves when nothing is waiting to be written. */
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
      this.#end(this.#takeCallers(), typedSqlError(error, this.opened.path));
      this.#next();
      return;
    }
    const done = this.#commit(this.#takeCallers());
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

  #takeCallers(): Caller[] {
    return this.#callers.splice(0);
  }

  /** False when others kept the write lock all the time. */
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

  /** False when nothing of it was written. */
  #commit(callers: Caller[]): boolean {
    const answers: { caller: Caller; value?: unknown; error?: unknown }[] = [];
    try {
      if (this.rows.pragma('user_version') > this.opened.version) throw newerDatabase(this.opened.path);
      for (const caller of callers) answers.push({ caller, ...this.#runOne(caller) });
      this.#history.write(this.tx);
      this.rows.run('COMMIT');
    } catch (error) {
      this.#rollBack();
      this.#end(callers, typedSqlError(error, this.opened.path));
      return false;
    }
    for (const { caller, value, error } of answers) {
      if (error === undefined) caller.resolve(value as never);
      else caller.reject(error);
    }
    return true;
  }

  /** Throws only when SQLite ended the transaction: the failure of this caller alone is a value. */
  #runOne(caller: Caller): { value?: unknown; error?: unknown } {
    try {
      return { value: this.tx.isolated(() => caller.fn(this.tx)) };
    } catch (error) {
      if (!this.tx.db.inTransaction) throw error;
      return { error: typedSqlError(error, this.opened.path) ?? new Error('a caller threw nothing') };
    }
  }

  #rollBack(): void {
    if (this.tx.db.inTransaction) this.rows.run('ROLLBACK');
  }

  #end(callers: Caller[], error: unknown): void {
    for (const caller of callers) caller.reject(error);
  }
}
