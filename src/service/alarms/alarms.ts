/**
 * One look after the other: what is wrong becomes rows, and rows are told.
 * Guarantees: a receiver that hangs holds up neither a look nor another receiver; a state that cannot be written just now is
 * looked at again.
 */
import type { Backend } from '../../../queue/backend.js';
import { StateUnwritable } from '../../../queue/index.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { ProcessWatch } from '../../ingest/health/processes.js';
import { Channel, type ChannelParts, enterChannels, type Receiver } from './channel.js';
import type { Clock } from './clock.js';
import { Episodes } from './episodes.js';
import { momentsOf } from './moments.js';
import { becomeTeller, noteFirstLook } from './teller.js';
import { troublesOf } from './trouble.js';

export interface AlarmsParts {
  backend: Backend;
  statePath: string;
  host: string;
  receivers: readonly Receiver[];
  clock: Clock;
  emit: Emit;
  onFatal(error: unknown): void;
}

export class Alarms {
  readonly channels: Channel[];
  readonly #watch = new ProcessWatch();
  readonly #episodes: Episodes;
  #isTelling = false;
  #saidWaiting = false;
  #looking: Promise<void> | undefined;

  constructor(private readonly parts: AlarmsParts) {
    const { backend, statePath, host, receivers, clock, emit, onFatal } = parts;
    const shared: ChannelParts = {
      ...{ backend, clock, emit, onFatal },
      about: { host, state: backend.uuid, statePath },
    };
    this.channels = receivers.map((receiver) => new Channel(receiver, shared));
    this.#episodes = new Episodes(backend, clock);
  }

  /** A look, and whatever is to be told after it is on its way. One at a time. */
  turn(hurry = false): Promise<void> {
    this.#looking ??= this.#turn(hurry).finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** The last look; what it finds is told now, or at the next start. */
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
    // What stands in the state can be told while nothing can be written.
    if (this.#isTelling) for (const channel of this.channels) channel.look(hurry);
  }

  async #look(isLast: boolean): Promise<boolean> {
    const { backend, clock, statePath, receivers, emit } = this.parts;
    const teller = await becomeTeller(backend);
    if (teller === undefined) {
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
    const moments = await momentsOf(backend, clock, teller.isFirst);
    if (teller.isFirst) await noteFirstLook(backend);
    await this.#episodes.follow(
      [...troublesOf(backend, statePath, this.#watch, clock.wallMs()), ...moments],
      lookedMs,
      isLast,
    );
    return true;
  }
}
