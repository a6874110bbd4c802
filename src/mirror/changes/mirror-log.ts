/**
 * The change log as a mirror uses it: changes are recorded, read in batches, and acknowledged when they are in DEST.
 * Guarantees: no change is dropped before the end. While the log is inside a DEST that is missing, or fails, recording
 * waits; meanwhile no events are taken from the watcher, which has its own bound. A full scan finds the changes that a
 * failing log does not have yet (`lost`): those may be what gives it room.
 */

import type { Emit } from '../../base/telemetry/emit.js';
import { Wake } from '../../base/wake.js';
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
  /** There is something to read, or something is wrong. */
  wake: () => void;
  /** Some changes are not in the log, or not yet; the log is tried again at `untilMs`. */
  lost: (untilMs: number) => void;
  /** The log can never be used again. */
  broken: (error: ChangeLogError) => void;
}

export class MirrorLog {
  /** Undefined: it is not open, or is missing together with DEST. */
  #log: ChangeLog | undefined;
  readonly #retry = new Wake();
  #ending = false;
  #recorded = 0;
  #read = 0;
  /** The code of its current failure. */
  #code: string | undefined;
  #askAgainMs = 0;

  constructor(private readonly parts: MirrorLogParts) {}

  /** The number of recorded changes that are not read yet. */
  get behind(): number {
    return Math.max(0, this.#recorded - this.#read);
  }

  /** Goes on after what was acknowledged, also by an earlier run. Errors: ChangeLogError. */
  async open(): Promise<void> {
    const log = await createChangeLog({ path: this.parts.path });
    try {
      this.#read = (await log.register(CONSUMER)).seq;
      this.#recorded = await log.last();
      await log.ack(CONSUMER, this.#read);
    } catch (error) {
      await log.close();
      throw error;
    }
    this.#log = log;
    this.#retry.ring();
  }

  /** DEST is missing. */
  async leaveDest(): Promise<void> {
    if (this.parts.inDest) await this.close();
  }

  /** Errors: DestMissing if the log cannot be used there. */
  async backInDest(): Promise<void> {
    try {
      if (this.parts.inDest) await this.open();
    } catch (error) {
      throw error instanceof ChangeLogError ? new DestMissing(error.code) : error;
    }
  }

  /** When it resolves, nothing of the log is open. Safe to call twice. */
  async close(): Promise<void> {
    const log = this.#log;
    this.#log = undefined;
    await log?.close();
  }

  /** From now on nothing waits; changes that would wait are dropped. */
  end(): void {
    this.#ending = true;
    this.#retry.ring();
  }

  /** Resolves when the changes are in the log, or at the end. */
  async record(changes: NewChange[]): Promise<void> {
    for (let scanMs = 0; ; ) {
      try {
        if (this.#log !== undefined) {
          this.#recorded = await this.#log.record(changes);
          this.#code = undefined;
          return this.parts.wake();
        }
      } catch (error) {
        if (!(await this.#wentWithDest(error))) {
          await this.#failed(error);
          if (performance.now() >= scanMs) {
            this.parts.lost(this.#askAgainMs);
            scanMs = performance.now() + limits.retryLongestMs;
          }
        }
      }
      if (this.#ending) return;
      await this.#retry.wait(limits.placeRetryMs);
    }
  }

  /** The next batch of changes to apply. Errors: DestMissing. */
  async next(): Promise<Change[]> {
    if (performance.now() < this.#askAgainMs) return [];
    return this.#guarded(async (log) => wholeMoves(await log.since(this.#read, { limit: limits.batchMax })), []);
  }

  /** The changes are in DEST. Errors: DestMissing. */
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

  /** A full disk may pass; a log that was replaced by another file does not. */
  async #failed(error: unknown): Promise<void> {
    if (!(error instanceof ChangeLogError)) throw error;
    if (!PASSES.includes(error.code)) this.parts.broken(error);
    if (this.#code !== error.code) this.parts.emit('replica_log_failing', { code: error.code, reason: error.message });
    this.#code = error.code;
    this.#askAgainMs = performance.now() + limits.placeRetryMs;
    this.parts.wake();
    if (error.code !== 'change_log_lost_consumer' && error.code !== 'change_log_gap') return;
    this.parts.lost(this.#askAgainMs);
    await this.#log?.forget(CONSUMER);
    this.#read = (await this.#log!.register(CONSUMER)).seq;
  }
}
