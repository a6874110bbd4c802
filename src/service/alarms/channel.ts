/**
 * One receiver: told in the order of the changes, a message at a time, from a number on that stands in the state.
 * Guarantees: each change is told at least once, through crashes; what comes together is one message; a receiver that fails
 * is tried again after longer and longer waits, up to a minute, and costs the others nothing; the state is written to when a
 * message was told, and when a receiver begins or ceases to fail.
 * Does not: tell once and only once: who dies between the answer and the commit tells the same change again.
 */
import type { Backend } from '../../../queue/backend.js';
import { backoffMs } from '../../../queue/clock.js';
import { StateUnwritable } from '../../../queue/index.js';
import type { Emit } from '../../base/telemetry/emit.js';
import type { Clock } from './clock.js';
import { limits } from './limits.js';
import { type About, type Batch, type Message, messageOf, nextBatch } from './message.js';

export type ChannelName = 'command' | 'webhook';

export interface Receiver {
  name: ChannelName;
  /** How long it may take. */
  withinMs: number;
  /** Rejects where it was not told. */
  send(message: Message, signal: AbortSignal): Promise<void>;
}

export interface ChannelParts {
  backend: Backend;
  about: About;
  clock: Clock;
  emit: Emit;
  /** A bug, or a state that cannot be used any more. */
  onFatal(error: unknown): void;
}

const CURSOR = 'SELECT told FROM alarm_channels WHERE name = ?';
const TOLD = `UPDATE alarm_channels SET told = ?, missed = missed - ?, failing_since_ms = NULL, error = NULL WHERE name = ?`;
const FAILED = `UPDATE alarm_channels SET failing_since_ms = coalesce(failing_since_ms, ?), error = ? WHERE name = ?`;
/** Over, and told to all. */
const FORGET = `DELETE FROM alarms WHERE ended_ms IS NOT NULL AND changed <= (SELECT min(told) FROM alarm_channels)`;

/** Exactly these are told from now on. */
export async function enterChannels(backend: Backend, names: readonly ChannelName[]): Promise<void> {
  await backend.transact((tx) => {
    for (const { name } of tx.all<{ name: ChannelName }>('SELECT name FROM alarm_channels'))
      if (!names.includes(name)) tx.run('DELETE FROM alarm_channels WHERE name = ?', name);
    for (const name of names) tx.run('INSERT OR IGNORE INTO alarm_channels (name) VALUES (?)', name);
  });
}

export class Channel {
  /** How often the receiver was tried. */
  tries = 0;
  #sending: Promise<void> | undefined;
  #attempt: AbortController | undefined;
  #isEnding = false;
  #failures = 0;
  #error = '';
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #newsSinceMs: number | undefined;
  /** Told, and not written down yet: the state could not be. */
  #owed: Batch | undefined;

  constructor(
    private readonly receiver: Receiver,
    private readonly parts: ChannelParts,
  ) {}

  /** Tells what there is to be told, where it is time; does not wait for the receiver. `hurry`: there will be no later. */
  look(hurry = false): void {
    if (this.#sending) return;
    this.#sending = this.#next(hurry)
      .catch((error) => {
        // A full disk passes; what is owed to the state is tried again at the next look.
        if (!(error instanceof StateUnwritable)) this.parts.onFatal(error);
      })
      .finally(() => {
        this.#sending = undefined;
      });
  }

  /** Resolves when nothing is on its way. */
  async idle(): Promise<void> {
    await this.#sending;
  }

  /** What is on its way is given up. */
  abort(): void {
    this.#isEnding = true;
    this.#attempt?.abort(new Error('it did not answer before everything ended'));
  }

  async #next(hurry: boolean): Promise<void> {
    if (this.#owed) await this.#noteTold(this.#owed);
    const { backend, clock } = this.parts;
    const { name } = this.receiver;
    const nowMs = clock.ms();
    if (nowMs < this.#notBeforeMs && !hurry) return;
    const batch = backend.read((rows) => {
      const cursor = rows.get<{ told: number }>(CURSOR, name);
      return cursor && nextBatch(rows, name, cursor.told);
    });
    if (batch === undefined) return;
    this.#newsSinceMs ??= nowMs;
    if (nowMs - this.#newsSinceMs < limits.collectMs && !hurry) return;
    if (!this.#isEnding) await this.#tell(batch);
  }

  async #tell(batch: Batch): Promise<void> {
    const { about, clock, emit } = this.parts;
    const { name, withinMs } = this.receiver;
    const attempt = new AbortController();
    this.#attempt = attempt;
    const late = new Error(`it took more than ${withinMs / 1_000} s`);
    const timer = setTimeout(() => attempt.abort(late), withinMs).unref();
    this.tries++;
    try {
      await this.receiver.send(messageOf(batch, about, clock.wallMs()), attempt.signal);
    } catch (error) {
      await this.#noteFailure((error as Error).message);
      return;
    } finally {
      clearTimeout(timer);
    }
    if (this.#failures > 0) emit('notify_back', { channel: name, failures: this.#failures });
    this.#failures = 0;
    this.#error = '';
    this.#newsSinceMs = undefined;
    this.#notBeforeMs = clock.ms() + limits.messageEveryMs;
    this.#owed = batch;
    await this.#noteTold(batch);
    emit('alarms_told', { channel: name, alarms: batch.alarms.length, more: batch.more });
  }

  async #noteTold(batch: Batch): Promise<void> {
    await this.parts.backend.transact((tx) => {
      tx.run(TOLD, batch.upTo, batch.missed, this.receiver.name);
      tx.run(FORGET);
    });
    this.#owed = undefined;
  }

  async #noteFailure(error: string): Promise<void> {
    const { backend, clock, emit } = this.parts;
    const { name } = this.receiver;
    this.#failures++;
    const waitMs = backoffMs(this.#failures, limits.retryFirstMs, limits.retryLongestMs);
    this.#notBeforeMs = clock.ms() + waitMs;
    if (error === this.#error) return;
    this.#error = error;
    emit('notify_failed', { channel: name, reason: error, again_in_ms: waitMs });
    await backend.transact((tx) => tx.run(FAILED, clock.wallMs(), error, name));
  }
}
