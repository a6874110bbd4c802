/**
 * Producer and all stages in one process, a batch of a stage at a time: the daemons' code without their timers.
 * Errors that pass by themselves in a worker (an unwritable state, a failing place) pass here, too; an error that ends it ends this.
 * Does not: wait. The boot clock, which the preloaded library moves, jumps to the next due time.
 */

import assert from 'node:assert/strict';
import type { Also, Backend, ClaimedJob, Settlement } from '../../queue/backend.js';
import { checkPages, limits, QueueError, StateUnwritable } from '../../queue/index.js';
import type { Config } from '../../src/base/config/options.js';
import { stageAfter } from '../../src/base/config/values/stage-names.js';
import { errnoOf, PlaceError } from '../../src/files/place-error.js';
import { Chains } from '../../src/ingest/chains/chains.js';
import { FeedFiles } from '../../src/ingest/files/feed-files.js';
import { probeGates } from '../../src/ingest/health/prober.js';
import { FeedProducer } from '../../src/ingest/producer/feed-producer.js';
import { STAGES } from '../../src/ingest/stages/index.js';
import type { Batch, Feed, Stage } from '../../src/ingest/stages/stage.js';
import { ingestJob } from '../../src/ingest/stages/stage.js';
import { checkManifestsKnown } from '../../src/ingest/upkeep/check-manifests.js';
import { lockRoots } from '../../src/ingest/upkeep/root-locks.js';
import { setUpRoots } from '../../src/ingest/upkeep/roots.js';
import { checkStateOnce } from '../../src/ingest/upkeep/state-check.js';
import { BatchCalls } from '../../src/ingest/worker/batch-calls.js';
import { runFeed } from '../../src/ingest/worker/run.js';
import { clockEpoch } from '../../src/linux/index.js';
import type { Control } from './control.js';
import { PHASES } from './order.js';
import { reapAll, tell } from './whole-reap.js';

/** Before the second batch, and at the end, the longest back-off is skipped, but not the wait for a sidecar. */
export const SKIP_FIRST_MS = 3_000;
export const SKIP_MAX_MS = 400_000;
/** Skips of the clock under a lasting fault: the places are probed in vain for a while before the fault goes. */
const SKIPS_UNDER_FAULT = 3;
const SCAN_UNDER_FAULT_MS = 1_500;
const ROUNDS_MAX = 3_000;
const FAILURES_MAX = 40;

/** Jobs of this feed go straight on, as in a worker of all stages; those of the other one stage by stage, as in workers of one stage. */
const STRAIGHT = 'near';
const NONE: ReadonlySet<string> = new Set();
const ALL: ReadonlySet<string> = new Set(STAGES.map(({ name }) => name));

/** For openState. */
export const nextIn =
  ({ feeds }: Config) =>
  (feed: string, stage: string) =>
    stageAfter(stage, feeds.find(({ name }) => name === feed) ?? {});

export class Whole {
  readonly #feeds = new Map<string, Feed>();
  readonly #producers: FeedProducer[] = [];
  readonly #locks: { close(): void }[] = [];
  readonly #chains = new Chains(1, (feed, job, text) => tell('process_printed', { feed, job, text }));
  #owed: ClaimedJob[] = [];
  #skips = 0;
  #failures = 0;

  constructor(
    readonly config: Config,
    readonly backend: Backend,
    readonly control: Control,
    readonly fail: (error: unknown) => void,
  ) {}

  async open(): Promise<void> {
    const { statePath } = this.config.service;
    for (const feed of this.config.feeds) {
      await this.backend.putFeed(feed.name, { ...feed });
      const roots = await setUpRoots(this.backend, statePath, feed, tell);
      this.#locks.push(...lockRoots(roots));
      await checkManifestsKnown(this.backend, feed);
      this.#feeds.set(feed.name, { options: feed, roots });
      const producer = new FeedProducer({
        backend: this.backend,
        feed,
        boot: clockEpoch(),
        emit: tell,
        onFatal: this.fail,
      });
      producer.start();
      this.#producers.push(producer);
    }
    await this.#rescue();
    await this.reap();
  }

  /** Runs until nothing is due that time alone would bring. */
  async settle(skipMaxMs = SKIP_MAX_MS): Promise<void> {
    this.#at('scan');
    // A scan ends only after all its paths could be offered: under a lasting fault of the state it waits.
    const patience = setTimeout(() => this.#liftLasting(), SCAN_UNDER_FAULT_MS);
    await Promise.all(this.#producers.map((producer) => producer.scan()));
    clearTimeout(patience);
    for (let round = 0; ; round++) {
      if (round > ROUNDS_MAX) throw new Error(`nothing settled in ${ROUNDS_MAX} rounds`);
      let took = 0;
      for (const stage of STAGES) took += (await this.#passing(() => this.#step(stage))) ?? 1;
      took += (await this.#rescue()) ?? 1;
      if (took > 0) continue;
      if ((await this.#passing(() => this.#probe())) === undefined) continue;
      if (!(await this.#skip(skipMaxMs))) return;
    }
  }

  during<T>(phase: string, act: () => Promise<T>): Promise<T | undefined> {
    this.#at(phase);
    return this.#passing(act);
  }

  /** `reaps: false`: for a state that could not be opened. */
  async close({ reaps = true } = {}): Promise<void> {
    if (reaps) await this.reap();
    this.#at('end');
    await Promise.all(this.#producers.map((producer) => producer.stop()));
    this.#chains.close();
    await this.backend.close();
    for (const lock of this.#locks) lock.close();
  }

  #at(phase: string): void {
    this.control.set('stage', PHASES.indexOf(phase));
  }

  /** Like the dispatcher and the timers: an unwritable state or a failing place passes by itself. */
  async #passing<T>(act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await act();
    } catch (error) {
      this.#count(error);
      return undefined;
    }
  }

  /** Throws an error that would end a worker. */
  #count(error: unknown): void {
    const passes = error instanceof StateUnwritable || error instanceof PlaceError;
    if (!passes && error instanceof QueueError) throw error;
    if (!passes && errnoOf(error) === undefined) throw error;
    if (++this.#failures % 4 === 0) this.#liftLasting();
    if (this.#failures > FAILURES_MAX) throw error;
  }

  /** Like a worker's dispatcher: jobs that a batch leaves unsettled are given back, or have failed with it. */
  async #step(stage: Stage): Promise<number> {
    this.#at(stage.name);
    await this.#giveBack([]);
    const claims = await this.backend.claim(stage.name, limits.claimBatchMax);
    for (const [name, feed] of this.#feeds) {
      const group = claims.filter((claim) => claim.feed === name);
      if (group.length > 0) await this.#runBatch(stage, group, feed);
    }
    return claims.length;
  }

  async #runBatch(stage: Stage, group: readonly ClaimedJob[], feed: Feed): Promise<void> {
    const files = new FeedFiles(feed.roots);
    const batch = this.#batch(feed, files);
    this.#at(stage.name);
    try {
      const { verdicts, also } = await runFeed(stage, group.map(ingestJob), { batch, close: () => files.close() });
      const settlements = group.map((job, i) => ({ job, outcome: verdicts[i]!.outcome }));
      await this.#goOn(feed, await this.#settle(stage, settlements, feed, also));
    } catch (error) {
      this.#count(error);
      if (error instanceof QueueError) await this.#giveBack(group);
      else
        await this.#settle(
          stage,
          group.map((job) => ({
            job,
            outcome: { kind: 'retry', code: 'bug', error: String(error), interrupted: true },
          })),
          feed,
        );
    }
  }

  /** Returns the jobs that go straight on. */
  async #settle(
    stage: Stage,
    settlements: readonly Settlement[],
    feed: Feed,
    also?: Also,
  ): Promise<readonly ClaimedJob[]> {
    this.#at(`settle ${stage.name}`);
    const keep = feed.options.name === STRAIGHT ? ALL : NONE;
    for (;;) {
      const answers = await this.#passing(() => this.backend.settle(settlements, keep, also));
      if (answers) return answers.flatMap((answer) => (answer.settled && answer.next ? [answer.next] : []));
    }
  }

  async #goOn(feed: Feed, claims: readonly ClaimedJob[]): Promise<void> {
    for (const stage of STAGES) {
      const group = claims.filter((claim) => claim.stage === stage.name);
      if (group.length > 0) await this.#runBatch(stage, group, feed);
    }
  }

  async #giveBack(jobs: readonly ClaimedJob[]): Promise<void> {
    this.#owed.push(...jobs);
    const outcome = { kind: 'defer', inMs: 0, why: 'given back unsettled', interrupted: true } as const;
    if (this.#owed.length > 0) await this.backend.settle(this.#owed.map((job) => ({ job, outcome })));
    this.#owed = [];
  }

  #batch(feed: Feed, files: FeedFiles): Batch {
    const { backend } = this;
    const boot = clockEpoch();
    const worksOn: Batch['worksOn'] = (job, place) => backend.beat({ job: job?.id ?? null, place: place ?? '' });
    return {
      backend,
      feed: feed.options,
      files,
      boot,
      emit: tell,
      calls: new BatchCalls(files, worksOn),
      chains: this.#chains,
      bucket: () => undefined,
      throttle: () => undefined,
      shared: () => assert.fail('it shares nothing'),
      now: () => ({ ms: backend.nowMs(), boot }),
      worksOn,
    };
  }

  #rescue(): Promise<number | undefined> {
    return this.during('rescue', async () => (await this.backend.rescue()).length);
  }

  async #probe(): Promise<true> {
    this.#at('probe');
    const get = async (name: string) => this.#feeds.get(name);
    const feeds = { optionsOf: (name: string) => this.#feeds.get(name)?.options, get };
    await probeGates(this.backend, feeds, () => {}, tell);
    await checkStateOnce(this.backend, this.config.service.statePath, tell, checkPages);
    return true;
  }

  reap(): Promise<void> {
    return this.during('reap', () => reapAll(this.backend, this.#feeds));
  }

  /** Moves the clock to the next due time; false when nothing will be due. */
  async #skip(skipMaxMs: number): Promise<boolean> {
    const { backend, control } = this;
    if (++this.#skips % SKIPS_UNDER_FAULT === 0) this.#liftLasting();
    const dues = [
      ...STAGES.map(({ name }) => backend.nextDueMs(name)),
      ...backend.gates().map(({ probeDueMs }) => probeDueMs),
    ];
    const inMs = Math.min(...dues) - backend.nowMs();
    if (inMs > skipMaxMs) return false;
    if (inMs > 0) control.set('boot_ns', control.get('boot_ns') + (inMs + 1) * 1e6);
    return true;
  }

  #liftLasting(): void {
    if (this.control.get('mode') === 4) this.control.lift();
  }
}
