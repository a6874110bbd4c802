/**
 * The process of a consumer: this one, or a child that can be killed and frozen.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEADLINE_MS } from '../../world/waiting.js';
import { Process } from '../mirror/process.js';
import type { FromChild, ToChild } from './child.js';
import { type Ending, type Line, type Start, Taker } from './taker.js';

export interface Place {
  /** Resolves when it watches. */
  start(start: Start): Promise<void>;
  endAfter(events: number, how: Ending): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  idle(): Promise<void>;
  /** Resolves when its last line was read. */
  stop(): Promise<void>;
}

export class Here implements Place {
  #taker: Taker | undefined;

  constructor(private readonly note: (line: Line) => void) {}

  start(start: Start): Promise<void> {
    this.#taker = new Taker(start, this.note);
    return inTime(this.#taker.watch(), 'watch()');
  }
  async endAfter(events: number, how: Ending): Promise<void> {
    this.#taker?.endAfter(events, how);
  }
  async pause(): Promise<void> {
    this.#taker?.pause();
  }
  async resume(): Promise<void> {
    this.#taker?.resume();
  }
  async idle(): Promise<void> {
    await inTime(this.#taker!.watcher.idle(), 'idle()');
  }
  async stop(): Promise<void> {
    if (this.#taker !== undefined) await inTime(this.#taker.stop(), 'stop()');
    this.#taker = undefined;
  }
}

export class Apart implements Place {
  #process: Process<ToChild, FromChild> | undefined;
  readonly #journal: string;
  #read = 0;

  constructor(
    base: string,
    private readonly note: (line: Line) => void,
  ) {
    this.#journal = join(base, 'journal');
    writeFileSync(this.#journal, '');
  }

  async start(start: Start): Promise<void> {
    this.#process = new Process(join(import.meta.dirname, 'child.js'));
    await this.#ask({ kind: 'start', start, journal: this.#journal });
    await this.#ask({ kind: 'watch' });
  }
  async endAfter(events: number, how: Ending): Promise<void> {
    await this.#ask({ kind: 'end', events, how });
  }
  async pause(): Promise<void> {
    await this.#ask({ kind: 'pause' });
  }
  async resume(): Promise<void> {
    await this.#ask({ kind: 'resume' });
  }
  async idle(): Promise<void> {
    await inTime(this.#ask({ kind: 'idle' }), 'idle()');
    this.#take();
  }
  async stop(): Promise<void> {
    if (this.#process === undefined) return;
    await inTime(this.#ask({ kind: 'stop' }), 'stop()');
    await this.kill();
  }

  /** It may have killed itself already. */
  async kill(): Promise<void> {
    await this.#process?.end();
    this.#process = undefined;
    this.#take();
  }

  /** Resolves when it has killed itself. */
  async died(): Promise<void> {
    await inTime(this.#process!.gone(), 'the process');
    await this.kill();
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process?.kill(signal);
  }

  async #ask(message: ToChild): Promise<void> {
    const { failed } = await this.#process!.ask(message);
    if (failed !== undefined) throw new Error(failed);
  }

  /** A last line without its newline does not count. */
  #take(): void {
    const text = readFileSync(this.#journal, 'utf8');
    const whole = text.slice(this.#read, text.lastIndexOf('\n') + 1);
    this.#read += whole.length;
    for (const line of whole.split('\n').slice(0, -1)) this.note(JSON.parse(line) as Line);
  }
}

async function inTime<T>(done: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come to its end in ${DEADLINE_MS} ms`)), DEADLINE_MS);
  });
  return Promise.race([done, late]).finally(() => clearTimeout(timer));
}
