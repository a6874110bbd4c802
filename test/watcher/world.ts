/**
 * A real directory with a real engine, and waits that end when the awaited event was emitted.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ByteName, nameOfText } from '../../src/linux/names.js';
import { linuxBackend } from '../../src/watcher/backend/linux-backend.js';
import { Engine, type EngineEvent, type EngineOptions, type QueuedPath } from '../../src/watcher/engine/index.js';
import { Bell } from '../world/bell.js';

export class World {
  readonly base = mkdtempSync(join(tmpdir(), 'watcher-'));
  readonly root = join(this.base, 'in');
  readonly marks: QueuedPath[] = [];
  readonly seen = new Set<ByteName>();
  readonly told: EngineEvent[] = [];
  readonly #bell = new Bell(() => `events: ${JSON.stringify(this.told)}`);
  #watcher: Engine | undefined;
  /** Thrown by the next deliveries. */
  failWith: Error | undefined;

  get watcher(): Engine {
    assert(this.#watcher);
    return this.#watcher;
  }

  start(options: Partial<EngineOptions> = {}): Engine {
    this.#watcher = new Engine(
      {
        root: nameOfText(this.root),
        everything: false,
        recursive: true,
        poll: false,
        target: (path) => path,
        enters: () => true,
        deliver: async (marks) => {
          if (this.failWith) throw this.failWith;
          this.marks.push(...marks);
          for (const { path } of marks) this.seen.add(path);
          this.#bell.ring();
        },
        emit: (event) => {
          this.told.push(event);
          this.#bell.ring();
        },
        ...options,
      },
      linuxBackend,
    );
    void this.#watcher.start();
    return this.#watcher;
  }

  until(what: string, holds: () => boolean): Promise<void> {
    return this.#bell.until(what, holds);
  }

  untilSeen(...paths: string[]): Promise<void> {
    return this.until(`${paths.join(', ')} handed on`, () => paths.every((path) => this.seen.has(nameOfText(path))));
  }

  untilTold(event: EngineEvent['event'], times = 1): Promise<void> {
    return this.until(`${event} emitted ${times} times`, () => this.count(event) >= times);
  }

  count(event: EngineEvent['event']): number {
    return this.told.filter((told) => told.event === event).length;
  }

  forget(): void {
    this.marks.length = 0;
    this.seen.clear();
    this.told.length = 0;
  }

  async end(): Promise<void> {
    await this.#watcher?.stop();
    rmSync(this.base, { recursive: true, force: true });
  }
}

/** Runs with events, and with polling only: the second must be equally correct. */
export function scenarioBothWays(name: string, run: (world: World, options: Partial<EngineOptions>) => Promise<void>) {
  scenario(name, (world) => run(world, {}));
  scenario(`${name} (polling)`, (world) => run(world, { poll: true, scanEveryMs: 50 }));
}

export function scenario(name: string, run: (world: World) => Promise<void>) {
  test(name, async () => {
    const world = new World();
    try {
      await run(world);
    } finally {
      await world.end();
    }
  });
}
