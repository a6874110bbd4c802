/**
 * A real directory with a real watcher of the library: its events, and waits that end when it is quiet.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type BackendName,
  createWatcher,
  type Overflow,
  type WatchEvent,
  type Watcher,
  type WatcherError,
  type WatcherOptions,
} from '../../src/watcher/index.js';
import { Bell } from '../world/bell.js';

export class WatchedTree {
  readonly base = mkdtempSync(join(tmpdir(), 'told-'));
  readonly root = join(this.base, 'root');
  readonly statePath = join(this.base, 'state.db');
  readonly events: WatchEvent[] = [];
  readonly overflows: Overflow[] = [];
  readonly errors: WatcherError[] = [];
  readonly recovered: WatcherError[] = [];
  readonly #bell = new Bell(() => `events: ${this.lines().join('; ')}; errors: ${this.errors.join('; ')}`);
  #watcher: Watcher | undefined;

  constructor(readonly backend: BackendName = 'inotify') {
    mkdirSync(this.root);
  }

  get watcher(): Watcher {
    assert(this.#watcher);
    return this.#watcher;
  }

  /** Watches the root. `listens: false`: nobody takes the events. */
  async start(options: WatcherOptions = {}, { listens = true } = {}): Promise<Watcher> {
    const watcher = createWatcher({ backend: this.backend, debounceMs: 5, ...options });
    this.#watcher = watcher;
    if (listens) watcher.on('event', (event) => this.#keep(this.events, event));
    watcher.on('overflow', (overflow) => this.#keep(this.overflows, overflow));
    watcher.on('error', (error) => this.#keep(this.errors, error));
    watcher.on('recovered', (error) => this.#keep(this.recovered, error));
    await watcher.watch(this.root);
    return watcher;
  }

  at(path: string): string {
    return join(this.root, path);
  }

  /** `+kind path` and `-kind path` in order, since the last call. */
  lines(): string[] {
    return this.events.map(
      ({ operation, kind, path }) => `${operation === 'put' ? '+' : '-'}${kind} ${path.slice(this.root.length + 1)}`,
    );
  }

  /** Waits until all is quiet, then returns and clears the events. */
  async quiet(): Promise<string[]> {
    await this.watcher.idle();
    const lines = this.lines();
    this.events.length = 0;
    return lines;
  }

  /** Runs it, and compares its events in any order. */
  async expect(act: () => void, ...lines: string[]): Promise<void> {
    act();
    assert.deepEqual((await this.quiet()).sort(), lines.sort());
  }

  until(what: string, holds: () => boolean): Promise<void> {
    return this.#bell.until(what, holds);
  }

  async stop(): Promise<void> {
    await this.#watcher?.stop();
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.base, { recursive: true, force: true });
  }

  #keep<T>(list: T[], one: T): void {
    list.push(one);
    this.#bell.ring();
  }
}

export function scenario(
  name: string,
  run: (told: WatchedTree) => Promise<void>,
  backend: BackendName = 'inotify',
): void {
  test(backend === 'inotify' ? name : `${name} (${backend})`, async () => {
    const told = new WatchedTree(backend);
    try {
      await run(told);
    } finally {
      await told.end();
    }
  });
}

/** With each backend, because all make the same promises. */
export function everywhere(name: string, run: (told: WatchedTree) => Promise<void>): void {
  for (const backend of ['inotify', 'node', 'poll'] as const) scenario(name, run, backend);
}
