/**
 * A consumer that takes one event after another when the test says so, into a copy that is checked after each. For
 * written sequences (delivered.test.ts).
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { nameOfBytes, nameOfText } from '../../../src/linux/names.js';
import { createWatcher, type WatchEvent, type Watcher, type WatcherOptions } from '../../../src/watcher/index.js';
import { Copy, type Told } from './copy.js';
import { look, treeOf } from './look.js';
import { ALL, tellsOf } from './settings.js';

/**
 * The window of a second watcher: when the second one is quiet, the first, with its shorter window, has read the same
 * events.
 */
const LATER_MS = 100;

export class Hand {
  readonly base = mkdtempSync(join(tmpdir(), 'delivered-'));
  readonly root = join(this.base, 'in');
  readonly outside = join(this.base, 'out');
  readonly statePath = join(this.base, 'state');
  readonly copy = new Copy(tellsOf(ALL));
  readonly #faults: string[] = [];
  #watcher: Watcher | undefined;
  #events: AsyncIterableIterator<WatchEvent> | undefined;
  #asked: Promise<IteratorResult<WatchEvent>> | undefined;

  constructor() {
    for (const directory of [this.root, this.outside]) mkdirSync(directory);
  }

  get watcher(): Watcher {
    assert(this.#watcher);
    return this.#watcher;
  }

  at(path: string): string {
    return join(this.root, path);
  }

  /** Directories in the name are made. */
  write(path: string, content = path): void {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    writeFileSync(this.at(path), content);
  }

  /** The entry is in the copy, unless an event for it is pending. */
  async start(options: WatcherOptions = {}): Promise<void> {
    this.#watcher = createWatcher({ debounceMs: 0, rescanMs: 0, hidden: true, tempSuffixes: [], ...options });
    this.#events = undefined;
    this.#asked = undefined;
    await this.#watcher.watch(this.root);
  }

  /** Asserts that the copy equals the tree. */
  know(): void {
    this.copy.become(treeOf(this.root, this.copy.tells));
  }

  /**
   * Runs the acts one after the other, and waits after each until a watcher has seen it. No event is taken meanwhile.
   */
  async unseen(...acts: (() => void)[]): Promise<void> {
    const other = createWatcher({ debounceMs: LATER_MS, rescanMs: 0, hidden: true, tempSuffixes: [] });
    other.on('event', () => {});
    await other.watch(this.root);
    for (const act of acts) {
      act();
      await other.idle();
    }
    await other.stop();
  }

  /**
   * Takes and applies the next event; returns `put file d/x`. Asks for no other. `meanwhile` runs after it was taken
   * and before it is applied.
   */
  async next(meanwhile?: () => void): Promise<string> {
    const { value, done } = await this.#ask();
    this.#asked = undefined;
    assert(!done, 'the events are over');
    meanwhile?.();
    return this.apply(value);
  }

  /** Takes all events until it is quiet: each must be valid, and the copy must equal the tree. */
  async rest(): Promise<string[]> {
    const lines: string[] = [];
    const idle = this.watcher.idle().then(() => undefined);
    for (;;) {
      const asked = await Promise.race([this.#ask(), idle]);
      if (asked === undefined) break;
      this.#asked = undefined;
      if (!asked.done) lines.push(this.apply(asked.value));
    }
    const wrong = this.copy.compare(treeOf(this.root, this.copy.tells), false);
    this.#faults.push(...wrong.map(({ kind, path, detail }) => `${kind}: ${path} ${detail ?? ''}`));
    assert.deepEqual(this.#faults, [], `events: ${lines.join(', ')}`);
    return lines;
  }

  /** Events in progress are not finished. */
  async stop(): Promise<void> {
    await this.watcher.stop();
    this.copy.interrupted();
  }

  async end(): Promise<void> {
    await this.#watcher?.stop();
    rmSync(this.base, { recursive: true, force: true });
  }

  #ask(): Promise<IteratorResult<WatchEvent>> {
    this.#events ??= this.watcher.events();
    this.#asked ??= this.#events.next();
    return this.#asked;
  }

  /** Returns `put file d/x`. For tests that take the events themselves. */
  apply({ pathBytes, operation, kind, renameId }: WatchEvent): string {
    const path = nameOfBytes(pathBytes).slice(nameOfText(this.root).length + 1) as Told['path'];
    const told: Told = { operation, path, kind, ...(renameId !== undefined && { renameId }) };
    const line = `${operation} ${kind} ${path}`;
    const faults = this.copy.apply(told, operation === 'put' ? look(pathBytes) : undefined);
    this.#faults.push(...faults.map((fault) => `${line}: ${fault.kind} ${fault.detail ?? ''}`));
    return line;
  }
}

export function scenario(name: string, run: (hand: Hand) => Promise<void>): void {
  test(name, async () => {
    const hand = new Hand();
    try {
      await run(hand);
    } finally {
      await hand.end();
    }
  });
}
