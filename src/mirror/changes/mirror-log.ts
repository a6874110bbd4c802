/**
 * The change log as a mirror uses it: what is told is recorded, read in batches, and acknowledged when it is in DEST.
 * Guarantees: where the log lies in a DEST that is away, nothing of what is told is dropped: recording waits until the log is opened
 * again, and meanwhile nobody listens to the watcher, which has its own bound. What a log that fails could not take is told
 * (`lost`), and found by a look at everything.
 */

import type { Emit } from '../../base/telemetry/emit.js';
import {
  type Change,
  type ChangeLog,
  ChangeLogError,
  createChangeLog,
  type NewChange,
} from '../../change-log/index.js';
import type { Dest } from '../trees/dest.js';
import { DestMissing } from '../trees/failures.js';
import { limits } from '../trees/limits.js';
import { wholeMoves } from './event-recorder.js';

const CONSUMER = 'ingest-replicate';
const PASSES = ['change_log_full', 'change_log_io', 'change_log_gap', 'change_log_lost_consumer'];

export interface MirrorLogParts {
  path: string;
  inDest: boolean;
  dest: Pick<Dest, 'isThere'>;
  emit: Emit;
  /** There is something to be read, or something is wrong. */
  wake: () => void;
  /** Not all is in the log; it is asked again then. */
  lost: (untilMs: number) => void;
  /** It can never be used again. */
  broken: (error: ChangeLogError) => void;
}

export class MirrorLog {
  /** Undefined: it is not open, or went with DEST. */
  #log: ChangeLog | undefined;
  #waiting: (() => void)[] = [];
  #ending = false;
  #recorded = 0;
  #read = 0;
  /** What is wrong with it. */
  #code: string | undefined;
  #askAgainMs = 0;

  constructor(private readonly parts: MirrorLogParts) {}

  /** How far it was read behind what was recorded. */
  get behind(): number {
    return Math.max(0, this.#recorded - this.#read);
  }

  /** `first`: of this run; a look at everything covers what an earlier one left. Errors: ChangeLogError. */
  async open(first: boolean): Promise<void> {
    const log = await createChangeLog({ path: this.parts.path });
    try {
      const { seq } = await log.register(CONSUMER);
      this.#read = first ? await log.last() : seq;
      await log.ack(CONSUMER, this.#read);
    } catch (error) {
      await log.close();
      throw error;
    }
    this.#log = log;
    this.#callWaiting();
  }

  /** DEST is away. */
  async leaveDest(): Promise<void> {
    if (this.parts.inDest) await this.close();
  }

  /** Errors: DestMissing where it cannot be used there. */
  async backInDest(): Promise<void> {
    try {
      if (this.parts.inDest) await this.open(false);
    } catch (error) {
      throw error instanceof ChangeLogError ? new DestMissing(error.code) : error;
    }
  }

  /** Nothing of it is open any more. Safe to call twice. */
  async close(): Promise<void> {
    const log = this.#log;
    this.#log = undefined;
    await log?.close();
  }

  /** From here on nobody waits for a DEST that is away: what it would have recorded is dropped. */
  end(): void {
    this.#ending = true;
    this.#callWaiting();
  }

  /** Resolves when they are in the log, or lost. */
  async record(changes: NewChange[]): Promise<void> {
    for (;;) {
      if (this.#log === undefined) {
        if (this.#ending) return;
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
        continue;
      }
      try {
        this.#recorded = await this.#log.record(changes);
        this.#code = undefined;
        return this.parts.wake();
      } catch (error) {
        if (!(await this.#wentWithDest(error))) return this.#failed(error);
      }
    }
  }

  /** What is to be dealt with next. Errors: DestMissing. */
  async next(): Promise<Change[]> {
    if (performance.now() < this.#askAgainMs) return [];
    return this.#guarded(async (log) => wholeMoves(await log.since(this.#read, { limit: limits.batchMax })), []);
  }

  /** They are in DEST. Errors: DestMissing. */
  done(changes: readonly Change[]): Promise<void> {
    this.#read = changes.at(-1)!.seq;
    return this.#guarded((log) => log.ack(CONSUMER, this.#read), undefined);
  }

  async #guarded<T>(work: (log: ChangeLog) => Promise<T>, otherwise: T): Promise<T> {
    if (this.#log === undefined) throw new DestMissing('no_marker');
    try {
      return await work(this.#log);
    } catch (error) {
      if (await this.#wentWithDest(error)) throw new DestMissing('no_marker');
      await this.#failed(error);
      return otherwise;
    }
  }

  async #wentWithDest(error: unknown): Promise<boolean> {
    const { inDest, dest, wake } = this.parts;
    if (!(error instanceof ChangeLogError) || !inDest || dest.isThere) return false;
    await this.close();
    wake();
    return true;
  }

  /** What a full disk does passes; a log that is another file by now does not. */
  async #failed(error: unknown): Promise<void> {
    if (!(error instanceof ChangeLogError)) throw error;
    if (!PASSES.includes(error.code)) this.parts.broken(error);
    if (this.#code !== error.code) this.parts.emit('replica_log_failing', { code: error.code, reason: error.message });
    this.#code = error.code;
    this.#askAgainMs = performance.now() + limits.placeRetryMs;
    this.parts.lost(this.#askAgainMs);
    this.parts.wake();
    if (error.code !== 'change_log_lost_consumer' && error.code !== 'change_log_gap') return;
    await this.#log?.forget(CONSUMER);
    this.#read = (await this.#log!.register(CONSUMER)).seq;
  }

  #callWaiting(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
