/**
 * One consumer of one watcher: takes one event after another, reads the path of each put, notes what it applied, and
 * only then asks for the next. Runs in the test's process or in its own (child.ts).
 */
import { nameOfBytes, nameOfText } from '../../../src/linux/names.js';
import { createWatcher, type WatchEvent, type Watcher, type WatcherOptions } from '../../../src/watcher/index.js';
import { chance } from '../../world/chance.js';
import type { Told } from './copy.js';
import { type Found, look } from './look.js';

/** How long it works on an event: not at all, some turns of the loop, or sometimes many. */
export type Speed = 'at once' | 'slow' | 'in bursts';

export interface Start {
  root: string;
  options: WatcherOptions;
  speed: Speed;
  /** Reads the path after its work on the event, not at once. */
  looksLate: boolean;
  seed: number;
}

/**
 * The acts at an event: stop() inside the loop; leave the loop, with the event applied or not; kill the process before
 * it applied the event, after that, or when it has asked for the next one.
 */
export type Ending = 'stops' | 'leaves' | 'leaves before' | 'dies before' | 'dies' | 'dies after';

export type Line = { atMs: number } & (
  | { takes: Told }
  | { told: Told; cause: WatchEvent['cause']; found?: Found }
  | { said: 'overflow' | 'scan' | 'error' | 'recovered' | 'failed'; what: string }
);

const BURST = 40;

export class Taker {
  readonly watcher: Watcher;
  readonly #start: Start;
  readonly #note: (line: Line) => void;
  readonly #draw: (n: number) => number;
  readonly #taking: Promise<void>;
  #ending: { events: number; how: Ending } | undefined;
  #gate: Promise<void> | undefined;
  #open = (): void => {};
  #taken = 0;

  constructor(start: Start, note: (line: Line) => void) {
    this.#start = start;
    this.#note = note;
    this.#draw = chance(start.seed);
    this.watcher = createWatcher(start.options);
    this.watcher.on('overflow', ({ reason }) => this.#say('overflow', reason));
    this.watcher.on('scan', ({ cause }) => this.#say('scan', cause));
    this.watcher.on('error', ({ op, message }) => this.#say('error', `${op}: ${message}`));
    this.watcher.on('recovered', ({ op }) => this.#say('recovered', op));
    this.#taking = this.#take().catch((error) => this.#say('failed', `events(): ${error}`));
  }

  watch(): Promise<void> {
    return this.watcher.watch(this.#start.root);
  }

  /** This many events from now. */
  endAfter(events: number, how: Ending): void {
    this.#ending = { events, how };
  }

  /** Asks for no more events until `resume`, when the current one is done. */
  pause(): void {
    this.#gate ??= new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  resume(): void {
    this.#open();
    this.#gate = undefined;
  }

  /** Resolves when its last event is done too. */
  async stop(): Promise<void> {
    this.resume();
    await this.watcher.stop().catch((error) => this.#say('failed', `stop(): ${error}`));
    await this.#taking;
  }

  async #take(): Promise<void> {
    for await (const event of this.watcher.events()) {
      const ending = this.#endingNow();
      const takes = this.#toldBy(event);
      this.#note({ atMs: nowMs(), takes });
      if (ending === 'leaves before') return;
      if (ending === 'dies before') process.kill(process.pid, 'SIGKILL');
      if (this.#start.looksLate) await this.#work();
      this.#apply(takes, event);
      if (ending === 'dies') process.kill(process.pid, 'SIGKILL');
      if (ending === 'dies after') setImmediate(() => process.kill(process.pid, 'SIGKILL'));
      if (ending === 'stops') await this.watcher.stop();
      if (ending === 'leaves') return;
      if (!this.#start.looksLate) await this.#work();
      await this.#gate;
    }
  }

  #endingNow(): Ending | undefined {
    if (this.#ending === undefined || this.#ending.events-- > 0) return undefined;
    const { how } = this.#ending;
    this.#ending = undefined;
    return how;
  }

  #toldBy({ pathBytes, operation, kind, renameId }: WatchEvent): Told {
    const path = nameOfBytes(pathBytes).slice(nameOfText(this.#start.root).length + 1) as Told['path'];
    return { operation, path, kind, ...(renameId !== undefined && { renameId }) };
  }

  #apply(told: Told, { pathBytes, cause }: WatchEvent): void {
    const found = told.operation === 'put' ? look(pathBytes) : undefined;
    this.#note({ atMs: nowMs(), told, cause, ...(found !== undefined && { found }) });
  }

  async #work(): Promise<void> {
    this.#taken += 1;
    const { speed } = this.#start;
    if (speed === 'slow') await turns(this.#draw(4), this.#draw(8) === 0 ? this.#draw(4) : 0);
    else if (speed === 'in bursts' && this.#taken % BURST === 0) await turns(1, 10 + this.#draw(20));
  }

  #say(said: 'overflow' | 'scan' | 'error' | 'recovered' | 'failed', what: string): void {
    this.#note({ atMs: nowMs(), said, what });
  }
}

/** The same clock in all processes. */
export const nowMs = (): number => performance.timeOrigin + performance.now();

/** The speed of a consumer or an actor: this many turns of the loop, then this long. */
export async function turns(count: number, ms: number): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve));
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}
