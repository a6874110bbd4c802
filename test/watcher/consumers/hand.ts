/**
 * A consumer that takes event by event when a test says so, into a copy that is judged after each. For sequences that are
 * written down (delivered.test.ts).
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

/** Another watcher's window: when it is quiet, one with a shorter window has read the same events and looked. */
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

  /** Directories in its name are made. */
  write(path: string, content = path): void {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    writeFileSync(this.at(path), content);
  }

  /** What lies there is in the copy, unless it is told. */
  async start(options: WatcherOptions = {}): Promise<void> {
    this.#watcher = createWatcher({ debounceMs: 0, rescanMs: 0, hidden: true, tempSuffixes: [], ...options });
    this.#events = undefined;
    this.#asked = undefined;
    await this.#watcher.watch(this.root);
  }

  /** The copy is the tree. */
  know(): void {
    this.copy.become(treeOf(this.root, this.copy.tells));
  }

  /** Does one after the other, and waits after each until a watcher has seen it. Nothing is taken meanwhile. */
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

  /** The next event, applied: `put file d/x`. Asks for no other. `meanwhile`: when it is had, and was not applied yet. */
  async next(meanwhile?: () => void): Promise<string> {
    const { value, done } = await this.#ask();
    this.#asked = undefined;
    assert(!done, 'the events are over');
    meanwhile?.();
    return this.apply(value);
  }

  /** All that is told until it is quiet: each event may come, and the copy is the tree. */
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
    assert.deepEqual(this.#faults, [], `told: ${lines.join(', ')}`);
    return lines;
  }

  /** Whatever is in hand is not done with. */
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

  /** Answers `put file d/x`. For who takes the events himself. */
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
