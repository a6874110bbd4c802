/**
 * Takes the events of one watcher, and reads each path at its event.
 */

import { nameOfBytes, nameOfText } from '../../../src/linux/names.js';
import { createWatcher, type WatchEvent, type Watcher, type WatcherOptions } from '../../../src/watcher/index.js';
import { content, shown } from './acts.js';

export interface Heard {
  operation: WatchEvent['operation'];
  kind: WatchEvent['kind'];
  /** In the notation of the scripts. */
  path: string;
  cause: WatchEvent['cause'];
  renameId: string | undefined;
}

export interface Seen {
  operation: WatchEvent['operation'];
  kind: WatchEvent['kind'];
  /** The entry at the time of the event. */
  read: string | undefined;
}

/** The other messages of a watcher. */
const SAYS = ['overflow', 'error', 'recovered', 'scan'] as const;

export class Reader {
  readonly watcher: Watcher;
  /** Resolves when the events have ended. */
  readonly ended: Promise<void>;
  /** Since the step started. */
  events: Heard[] = [];
  said: Record<string, unknown[]> = {};
  /** By path, since the beginning. */
  readonly saw = new Map<string, Seen>();
  running = true;
  readonly #root: string;
  readonly #abort = new AbortController();
  readonly #listeners = new Set<() => void>();
  #gate: Promise<void> | undefined;
  #open = () => {};

  constructor(options: WatcherOptions, root: string) {
    this.#root = root;
    this.watcher = createWatcher({ ...options, signal: this.#abort.signal });
    for (const event of SAYS) this.watcher.on(event, (what: unknown) => this.#hear(event, what));
    this.ended = this.#take();
  }

  begin(): void {
    this.events = [];
    this.said = {};
  }

  pause(): void {
    this.#gate = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  resume(): void {
    this.#open();
    this.#gate = undefined;
  }

  async stop(): Promise<void> {
    this.running = false;
    this.resume();
    await this.watcher.stop();
  }

  abort(): void {
    this.running = false;
    this.#abort.abort();
  }

  /** Resolves when the event came in this step. */
  until(line: string): Promise<void> {
    return this.#until(() => this.events.some(({ operation, kind, path }) => `${operation} ${kind} ${path}` === line));
  }

  /** Resolves when the watcher emitted that in this step. */
  hears(event: string): Promise<void> {
    return this.#until(() => this.said[event] !== undefined);
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#listeners.add(resolve));
  }

  #hear(event: string, what: unknown): void {
    this.said[event] = [...(this.said[event] ?? []), what];
    this.#ring();
  }

  #ring(): void {
    for (const resolve of this.#listeners) resolve();
    this.#listeners.clear();
  }

  async #take(): Promise<void> {
    for await (const event of this.watcher.events()) {
      this.#note(event);
      await this.#gate;
    }
  }

  #note({ pathBytes, operation, kind, cause, renameId }: WatchEvent): void {
    const path = this.#short(pathBytes);
    this.events.push({ operation, kind, path, cause, renameId });
    this.saw.set(path, { operation, kind, read: operation === 'put' ? content(pathBytes, kind) : undefined });
    this.#ring();
  }

  #short(pathBytes: Buffer): string {
    const path = nameOfBytes(pathBytes);
    const root = nameOfText(this.#root);
    if (path === root) return '.';
    if (path.startsWith(`${root}/`)) return shown(path.slice(root.length + 1) as typeof path);
    return `../${shown(path.slice(root.lastIndexOf('/') + 1) as typeof path)}`;
  }
}
