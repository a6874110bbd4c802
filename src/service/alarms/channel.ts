/**
 * One receiver. It gets the changes in order, one message at a time. The state has the number of the last change it got.
 * Guarantees: each change is sent at least once, through crashes. Changes at the same time are one message. A receiver that fails
 * is tried again with backoff, up to a minute, without effect on other receivers. The state is written after a message was
 * accepted, and when a receiver begins or stops to fail.
 * Does not: send exactly once. After a crash between the answer and the commit the same change is sent again.
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
  /** The time limit. */
  withinMs: number;
  /** Rejects if the receiver did not accept the message. */
  send(message: Message, signal: AbortSignal): Promise<void>;
}

/** Why a message was not accepted in time; undefined if it was. */
export async function failureOf(
  withinMs: number,
  send: (signal: AbortSignal) => Promise<void>,
  attempt = new AbortController(),
): Promise<string | undefined> {
  const late = new Error(`it took more than ${withinMs / 1_000} s`);
  const timer = setTimeout(() => attempt.abort(late), withinMs).unref();
  try {
    await send(attempt.signal);
    return undefined;
  } catch (error) {
    return (error as Error).message ?? String(error);
  } finally {
    clearTimeout(timer);
  }
}

export interface AlarmsParts extends Pick<About, 'host' | 'statePath' | 'shell'> {
  backend: Backend;
  receivers: readonly Receiver[];
  clock: Clock;
  emit: Emit;
  /** Called for a bug, or for a state that cannot be used any more. */
  onFatal(error: unknown): void;
}

const CURSOR = 'SELECT told FROM alarm_channels WHERE name = ?';
const SENT = `UPDATE alarm_channels SET told = ?, missed = missed - ?, failing_since_ms = NULL, error = NULL WHERE name = ?`;
const FAILED = `UPDATE alarm_channels SET failing_since_ms = coalesce(failing_since_ms, ?), error = ? WHERE name = ?`;
/** Removes alarms that are over and that every receiver has got. */
const FORGET = `DELETE FROM alarms WHERE ended_ms IS NOT NULL AND changed <= (SELECT min(told) FROM alarm_channels)`;

/** Keeps the rows of exactly these receivers. */
export async function enterChannels(backend: Backend, names: readonly ChannelName[]): Promise<void> {
  await backend.transact((tx) => {
    for (const { name } of tx.all<{ name: ChannelName }>('SELECT name FROM alarm_channels'))
      if (!names.includes(name)) tx.run('DELETE FROM alarm_channels WHERE name = ?', name);
    for (const name of names) tx.run('INSERT OR IGNORE INTO alarm_channels (name) VALUES (?)', name);
  });
}

export class Channel {
  /** The number of attempts to send so far. */
  tries = 0;
  #sending: Promise<void> | undefined;
  #attempt: AbortController | undefined;
  #isEnding = false;
  #failures = 0;
  #error = '';
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #newsSinceMs: number | undefined;
  /** The number that the receiver has got and that the state could not record yet. */
  #owed: Batch | undefined;

  constructor(
    private readonly receiver: Receiver,
    private readonly parts: AlarmsParts,
  ) {}

  /** Sends new changes if their time has come. Does not wait for the receiver. `hurry`: this is the last call. */
  look(hurry = false): void {
    if (this.#sending) return;
    this.#sending = this.#next(hurry)
      .catch((error) => {
        // A full disk passes. The next check writes again what the state lacks.
        if (!(error instanceof StateUnwritable)) this.parts.onFatal(error);
      })
      .finally(() => {
        this.#sending = undefined;
      });
  }

  /** Resolves when no message is being sent. */
  async idle(): Promise<void> {
    await this.#sending;
  }

  /** Gives up the message that is being sent. */
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
    if (!this.#isEnding) await this.#send(batch);
  }

  async #send(batch: Batch): Promise<void> {
    const { backend, clock, emit } = this.parts;
    const about = { ...this.parts, state: backend.uuid };
    const { name, withinMs } = this.receiver;
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.tries++;
    const failure = await failureOf(
      withinMs,
      (signal) => this.receiver.send(messageOf(batch, about, clock.wallMs()), signal),
      attempt,
    );
    if (failure !== undefined) return this.#noteFailure(failure);
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
      tx.run(SENT, batch.upTo, batch.missed, this.receiver.name);
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
    emit('notify_failed', { channel: name, reason: error, again_in_ms: waitMs });
    await backend.transact((tx) => tx.run(FAILED, clock.wallMs(), error, name));
    // Only what is written is known: queue-stat reads it.
    this.#error = error;
  }
}
