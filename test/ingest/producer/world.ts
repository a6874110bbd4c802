/** A real input, a real state and a real producer over them, without any worker: jobs stay where the producer put them. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { Backend, Job } from '../../../queue/index.js';
import type { FeedOptions } from '../../../src/base/config/options.js';
import { openState } from '../../../src/ingest/ledger/open-state.js';
import { FeedProducer } from '../../../src/ingest/producer/feed-producer.js';
import { clockEpoch } from '../../../src/linux/index.js';
import { Bell } from '../../world/bell.js';

export function feedOptions(input: string): FeedOptions {
  const base = dirname(input);
  return {
    name: 'default',
    input,
    warehouse: join(base, 'warehouse'),
    manifests: join(base, 'manifests'),
    workDir: undefined,
    mode: 'stability',
    stabilitySeconds: 10,
    quietMs: 1_000,
    sidecarSuffix: '.ok',
    order: 'arrival',
    recursive: true,
    include: [],
    exclude: [],
    minBytes: 0,
    maxBytes: 2 ** 40,
    onDuplicate: 'archive',
    onEmpty: 'duplicate',
    sameContentAgainAfterMs: undefined,
    preserveSubdirs: false,
    minFreeBytes: 0,
    minFreeInodes: 0,
    keepDuplicatesMs: undefined,
    duplicatesMaxBytes: undefined,
    keepFailedMs: undefined,
    failedMaxBytes: undefined,
    timezone: 'UTC',
    poll: false,
    scanIntervalSeconds: undefined,
  };
}

export class World {
  readonly base = mkdtempSync(join(tmpdir(), 'producer-'));
  readonly input = join(this.base, 'in');
  statePath = join(this.base, 'state.db');
  readonly events: { event: string; [field: string]: unknown }[] = [];
  readonly #bell = new Bell(() => `events: ${JSON.stringify(this.events)}`);
  #backend: Backend | undefined;
  #producer: FeedProducer | undefined;

  constructor() {
    mkdirSync(this.input);
  }

  get backend(): Backend {
    assert(this.#backend);
    return this.#backend;
  }

  get producer(): FeedProducer {
    assert(this.#producer);
    return this.#producer;
  }

  feed(options: Partial<FeedOptions> = {}): FeedOptions {
    return { ...feedOptions(this.input), ...options };
  }

  async start(options: Partial<FeedOptions> = {}, watermarks?: { stateIsLow: boolean }): Promise<void> {
    this.#backend ??= await openState({ statePath: this.statePath, title: 'producer', maxAttempts: 8 });
    const feed = this.feed(options);
    await this.#backend.putFeed(feed.name, { name: feed.name });
    this.#backend.onWork(() => this.#bell.ring());
    this.#producer = new FeedProducer({
      backend: this.#backend,
      feed,
      boot: clockEpoch(),
      ...(watermarks && { watermarks }),
      emit: (event, fields) => {
        this.events.push({ event, ...fields });
        this.#bell.ring();
      },
      onFatal: (error) => {
        throw error;
      },
    });
    this.#producer.start();
    await this.untilTold('scan_done');
  }

  /** The newest job of a path. */
  job(path: string): Job | undefined {
    return this.backend.jobsByKey('default', Buffer.from(path))[0];
  }

  async untilJob(path: string, holds: (job: Job) => boolean = () => true): Promise<Job> {
    await this.until(`a job of ${path}`, () => {
      const job = this.job(path);
      return job !== undefined && holds(job);
    });
    return this.job(path)!;
  }

  untilTold(event: string, times = 1): Promise<void> {
    return this.until(`${event} logged`, () => this.events.filter((one) => one.event === event).length >= times);
  }

  until(what: string, holds: () => boolean): Promise<void> {
    return this.#bell.until(what, holds);
  }

  /** Safe to call twice. */
  async stop(): Promise<void> {
    await this.#producer?.stop();
    await this.#backend?.close();
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.base, { recursive: true, force: true });
  }
}

export function scenario(name: string, run: (world: World) => Promise<void>): void {
  test(name, async () => {
    const world = new World();
    try {
      await run(world);
    } finally {
      await world.end();
    }
  });
}
