/**
 * The stages without a chain in this process, one step at a time, on real files and a real state. A test can put thousands of steps into
 * any order, and let the process "die" at any transaction of a step.
 * A death: from a chosen transaction on every write of the backend fails. Then the owner is closed, which gives its claims back
 * like the rescue of a dead owner, and a new owner opens the state.
 * Does not: crash inside SQLite or inside a system call; the tests with real processes do.
 */

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Backend, ClaimedJob, Decision } from '../../../queue/backend.js';
import { configOf } from '../../../src/base/config/load.js';
import type { FeedOptions } from '../../../src/base/config/options.js';
import { stageAfter } from '../../../src/base/config/values/stage-names.js';
import { askedFor } from '../../../src/commands/ask.js';
import { Chains } from '../../../src/ingest/chains/chains.js';
import { FeedFiles, statEntry } from '../../../src/ingest/files/feed-files.js';
import { openState } from '../../../src/ingest/ledger/open-state.js';
import { payloadOf } from '../../../src/ingest/rules/facts.js';
import { identityOf } from '../../../src/ingest/rules/identity.js';
import { STAGES } from '../../../src/ingest/stages/index.js';
import type { Batch, Feed } from '../../../src/ingest/stages/stage.js';
import { type IngestJob, ingestJob } from '../../../src/ingest/stages/stage.js';
import { redoAppends } from '../../../src/ingest/upkeep/reaper.js';
import { setUpRoots } from '../../../src/ingest/upkeep/roots.js';
import { notingArrivals } from '../../../src/ingest/worker/arrivals.js';
import { BatchCalls, type Threads } from '../../../src/ingest/worker/batch-calls.js';
import { runFeed } from '../../../src/ingest/worker/run.js';
import { clockEpoch } from '../../../src/linux/index.js';
import type { Dropped } from '../../world/dropping.js';
import type { Options } from '../../world/layout.js';
import { World } from '../../world/world.js';

const silent = (): void => {};
const NONE: ReadonlySet<string> = new Set();
const ALL: ReadonlySet<string> = new Set(STAGES.map(({ name }) => name));

export class Died extends Error {}

export class Bench {
  readonly world: World;
  backend!: Backend;
  feed!: Feed;
  /** The outcomes of the last step. */
  outcomes: Decision[] = [];
  /** The number of write transactions of its steps. */
  writes = 0;
  /** Gets the folders of each step before it begins, to make them slow or broken. */
  prepare: (files: FeedFiles) => void = () => {};
  /** Without it the main thread carries out the orders. */
  threads: Threads | undefined;

  constructor(options: Options) {
    this.world = new World({ options: { stabilitySeconds: 0, quietMs: 0, ...options } });
  }

  static async open(given: Options = {}): Promise<Bench> {
    const bench = new Bench(given);
    await bench.#openState();
    const options = bench.#options();
    await bench.backend.putFeed(options.name, { ...options });
    bench.feed = { options, roots: await setUpRoots(bench.backend, bench.world.statePath, options, silent) };
    return bench;
  }

  /** Enqueues a file like the producer. */
  async arrive(dropped: Dropped): Promise<void> {
    const files = new FeedFiles(this.feed.roots);
    const stat = statEntry(files.input.entry(dropped.name))!;
    files.close();
    const identity = identityOf(stat);
    const seen = { identity, sinceMs: this.backend.nowMs(), boot: clockEpoch(), by: 'rename' as const };
    await this.backend.enqueue([
      {
        feed: this.feed.options.name,
        key: Buffer.from(dropped.name, 'latin1'),
        identity,
        bytes: dropped.bytes,
        payload: payloadOf({ seen }),
        dueInMs: 0,
      },
    ]);
  }

  /**
   * One batch of a stage. `diesAt`: the number of the transaction at which the process dies. `straight`: a job that advances keeps its
   * claim and is taken through the next stages too, as in a worker of all stages. Returns the number of jobs.
   */
  async step(name: string, max: number, diesAt = Number.POSITIVE_INFINITY, straight = false): Promise<number> {
    const claims = await this.backend.claim(name, max);
    const backend = mortal(this.backend, diesAt, () => {
      this.writes++;
    });
    try {
      await this.#take(backend, claims, straight ? ALL : NONE);
    } catch (error) {
      if (!(error instanceof Died)) throw error;
    }
    if (diesAt !== Number.POSITIVE_INFINITY) await this.die();
    return claims.length;
  }

  /** `keep`: the stages that these jobs go straight on into. */
  async #take(backend: Backend, claims: readonly ClaimedJob[], keep: ReadonlySet<string>): Promise<void> {
    for (const name of new Set(claims.map((claim) => claim.stage))) {
      const next = await this.#runBatch(backend, claims.filter((claim) => claim.stage === name).map(ingestJob), keep);
      await this.#take(backend, next, keep);
    }
  }

  async #runBatch(backend: Backend, jobs: readonly IngestJob[], keep: ReadonlySet<string>): Promise<ClaimedJob[]> {
    const name = jobs[0]!.claim.stage;
    const stage = STAGES.find((one) => one.name === name)!;
    const files = new FeedFiles(this.feed.roots);
    this.prepare(files);
    try {
      const batch = this.#batch(backend, files);
      const { verdicts, also } = await runFeed(stage, jobs, { batch, close: () => {} });
      const settled = jobs.map(({ claim }, i) => ({ job: claim, outcome: verdicts[i]!.outcome }));
      this.outcomes = settled.map(({ outcome }) => outcome);
      const claims = jobs.map(({ claim }) => claim);
      const answers = await backend.settle(settled, keep, notingArrivals(this.feed.options, claims, also));
      return answers.flatMap((answer) => (answer.settled && answer.next ? [answer.next] : []));
    } finally {
      files.close();
    }
  }

  /** Like the reaper of each worker every two seconds: finishes appends whose jobs went another way. */
  async redoAppends(): Promise<void> {
    const files = new FeedFiles(this.feed.roots);
    await redoAppends({ backend: this.backend, emit: silent, feed: this.feed.options.name, files });
    files.close();
  }

  /** Changes the options, for the producer and this worker at once. */
  async reconfigure(change: Partial<FeedOptions>): Promise<void> {
    const options = { ...this.feed.options, ...change };
    await this.backend.putFeed(options.name, { ...options });
    this.feed = { ...this.feed, options };
  }

  async close(): Promise<void> {
    await this.backend.close();
    await this.world.end();
  }

  /** Its owner is dead, and another one opens the state. */
  async die(): Promise<void> {
    await this.backend.close();
    await this.#openState();
  }

  async #openState(): Promise<void> {
    const next = (_: string, stage: string) => stageAfter(stage, this.feed.options);
    this.backend = await openState({ statePath: this.world.statePath, title: 'test', maxAttempts: 8, next });
  }

  #options(): FeedOptions {
    const flags = this.world.flags('ingest');
    return configOf(askedFor('ingest', flags, {})!, {}).feeds[0]!;
  }

  #batch(backend: Backend, files: FeedFiles): Batch {
    const boot = clockEpoch();
    const now = () => ({ ms: backend.nowMs(), boot });
    const calls = new BatchCalls(files, silent, undefined, this.threads);
    const chains = new Chains(1, silent);
    return {
      backend,
      feed: this.feed.options,
      files,
      boot,
      now,
      emit: silent,
      worksOn: silent,
      calls,
      chains,
      bucket: () => undefined,
      throttle: () => undefined,
      shared: () => assert.fail('it shares nothing'),
    };
  }
}

/** The backend of a process that dies at its n-th transaction: before it is written, or for an even n just after. */
export function mortal(backend: Backend, diesAt: number, onWrite = silent): Backend {
  let left = Math.ceil(diesAt / 2);
  const write =
    (act: (...args: never[]) => Promise<unknown>) =>
    async (...args: never[]): Promise<unknown> => {
      onWrite();
      left -= 1;
      if (left < 0 || (left === 0 && diesAt % 2 === 1)) throw new Died();
      const answer = await act(...args);
      if (left === 0) throw new Died();
      return answer;
    };
  return new Proxy(backend, {
    get(target, name) {
      const value = target[name as keyof Backend];
      if (typeof value !== 'function') return value;
      const bound = (value as (...args: never[]) => Promise<unknown>).bind(target);
      return name === 'transact' || name === 'settle' ? write(bound) : bound;
    },
  });
}

/** A file has its hash, and its job waits for the stage after it. */
export async function hashedBench(t: TestContext): Promise<Bench> {
  const bench = await Bench.open();
  t.after(() => bench.close());
  await bench.arrive(bench.world.drop('a.csv', 100));
  for (const stage of ['verify-complete', 'hash']) await bench.step(stage, 10);
  return bench;
}
