/**
 * Runs one check after the other: troubles become rows, and receivers are notified of the rows.
 * Guarantees: a receiver that hangs delays neither a check nor another receiver. If the state cannot be written at the moment,
 * the next check tries again.
 */
import { StateUnwritable } from '../../../queue/index.js';
import { type AlarmsParts, Channel, enterChannels } from './channel.js';
import { Episodes } from './episodes.js';
import { momentsOf } from './moments.js';
import { becomeSender, noteFirstLook } from './sender.js';
import { troublesOf } from './trouble.js';

export class Alarms {
  readonly channels: Channel[];
  readonly #episodes: Episodes;
  #isTelling = false;
  #saidWaiting = false;
  #looking: Promise<void> | undefined;

  constructor(private readonly parts: AlarmsParts) {
    this.channels = parts.receivers.map((receiver) => new Channel(receiver, parts));
    this.#episodes = new Episodes(parts.backend, parts.clock);
  }

  /** Runs one check and starts the notifications that follow from it. One at a time. */
  turn(hurry = false): Promise<void> {
    this.#looking ??= this.#turn(hurry).finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Runs the last check. Its notifications are sent now, or after the next start. */
  async end(withinMs: number): Promise<void> {
    const timer = setTimeout(() => {
      for (const channel of this.channels) channel.abort();
    }, withinMs);
    await this.idle();
    await this.turn(true);
    await this.idle();
    clearTimeout(timer);
  }

  async idle(): Promise<void> {
    await this.#looking;
    await Promise.all(this.channels.map((channel) => channel.idle()));
  }

  async #turn(hurry: boolean): Promise<void> {
    try {
      if (!(await this.#look(hurry))) return;
    } catch (error) {
      if (!(error instanceof StateUnwritable)) this.parts.onFatal(error);
    }
    // Rows that are already in the state can be sent while nothing can be written.
    if (this.#isTelling) for (const channel of this.channels) channel.look(hurry);
  }

  async #look(isLast: boolean): Promise<boolean> {
    const { backend, clock, statePath, receivers, emit } = this.parts;
    const sender = await becomeSender(backend);
    if (sender === undefined) {
      if (!this.#saidWaiting) emit('notify_waiting');
      this.#saidWaiting = true;
      return false;
    }
    if (!this.#isTelling)
      await enterChannels(
        backend,
        receivers.map(({ name }) => name),
      );
    this.#isTelling = true;
    const lookedMs = clock.ms();
    const moments = await momentsOf(backend, clock, sender.isFirst);
    if (sender.isFirst) await noteFirstLook(backend);
    await this.#episodes.follow([...troublesOf(backend, statePath, clock.wallMs()), ...moments], lookedMs, isLast);
    return true;
  }
}
