/**
 * The root is away for a moment while a consumer works on an event. The consumer finds nothing and goes on, as it may.
 * The event comes again when the root is back, because no change follows.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { WatcherOptions } from '../../src/watcher/index.js';
import { everywhere, scenario, type WatchedTree } from './watched-tree.js';

const MOVES: readonly (readonly [string, (told: WatchedTree) => string])[] = [
  ['root', (told) => told.root],
  ['parent', (told) => dirname(told.root)],
];

/** Moves the directory away, and returns how to bring it back. */
function away(directory: string): () => void {
  renameSync(directory, `${directory}-away`);
  return () => renameSync(`${directory}-away`, directory);
}

/** A consumer of a tree that never changes after its first file, with the acts of the test in it. */
class Reader {
  /** The bytes that were read, or the code of the error. */
  readonly found: string[] = [];
  #over: Promise<void> | undefined;

  constructor(private readonly told: WatchedTree) {}

  /** `meanwhile` runs between the first event and the reading, `then` between the reading and the next request. */
  async start(meanwhile: () => void, then: () => void | Promise<void>, options: WatcherOptions = {}): Promise<void> {
    await this.told.start({ rescanMs: 1_000, ...options }, { listens: false });
    this.#over = this.#take(meanwhile, then);
    writeFileSync(this.told.at('f'), 'bytes');
  }

  async #take(meanwhile: () => void, then: () => void | Promise<void>): Promise<void> {
    for await (const { path } of this.told.watcher.events()) {
      if (this.found.length === 0) meanwhile();
      this.found.push(read(path));
      if (this.found.length === 1) await then();
    }
  }

  async end(): Promise<void> {
    await this.told.stop();
    await this.#over;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

for (const [what, directoryOf] of MOVES) {
  everywhere(`the ${what} is away when the consumer reads and asks for the next event`, async (told) => {
    const reader = new Reader(told);
    let back = (): void => {};
    const isMissing = told.until('the missing root', () => told.errors.length === 1);
    await reader.start(
      () => {
        back = away(directoryOf(told));
      },
      () => {},
    );
    await isMissing;
    back();
    await told.until('the root is back', () => told.recovered.length === 1);
    await told.watcher.idle();
    assert.deepEqual(reader.found, ['ENOENT', 'bytes']);
    await reader.end();
  });

  everywhere(`the ${what} is back, and that is known, when the consumer asks for the next event`, async (told) => {
    const reader = new Reader(told);
    let back = (): void => {};
    await reader.start(
      () => {
        back = away(directoryOf(told));
      },
      async () => {
        await told.until('the missing root', () => told.errors.length === 1);
        back();
        await told.until('the root is back', () => told.recovered.length === 1);
      },
    );
    await told.until('it is read', () => told.recovered.length === 1);
    await told.watcher.idle();
    assert.deepEqual(reader.found, ['ENOENT', 'bytes']);
    await reader.end();
  });
}

scenario('the root is back before the consumer asks, and only the kernel has noted that it was away', async (told) => {
  const reader = new Reader(told);
  let back = (): void => {};
  await reader.start(
    () => {
      back = away(told.root);
    },
    () => back(),
  );
  while (reader.found.length === 0) await new Promise((turn) => setImmediate(turn));
  await told.watcher.idle();
  assert.deepEqual(reader.found, ['ENOENT', 'bytes']);
  await reader.end();
});

for (const isStopped of [true, false])
  everywhere(
    `the watcher ${isStopped ? 'is stopped' : 'dies'} while the root is away: the next start reports the event again`,
    async (told) => {
      const { statePath } = told;
      const reader = new Reader(told);
      let back = (): void => {};
      const isMissing = told.until('the missing root', () => told.errors.length === 1);
      await reader.start(
        () => {
          back = away(told.root);
        },
        () => {},
        { statePath },
      );
      await isMissing;
      const left = join(told.base, 'left');
      mkdirSync(left);
      // As a kill leaves them.
      for (const end of ['', '-wal']) cpSync(`${statePath}${end}`, join(left, `state${end}`));
      await reader.end();
      back();
      await told.start({ statePath: isStopped ? statePath : join(left, 'state') });
      assert.deepEqual(await told.quiet(), ['+file f']);
    },
  );
