/**
 * A world: one state with its feeds in a fresh temporary directory, the programs that run on it, and the files that
 * were dropped. Every end-to-end test uses one. Nothing in it is a mock: real commands, files, mounts, signals.
 * home.ts makes its directory, drops.ts puts files into it, runs.ts starts its programs; this file checks the results.
 * Guarantees: `end` (called automatically after the test) kills only processes that the world started, and unmounts
 * everything in it. A test run with KEEP_WORLD set leaves the directory and prints its path.
 * Does not: open the database in a process that has a backend on it (see database.ts).
 */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { complete, isStored, touched } from './complete.js';
import {
  type DatabaseSurvey,
  type GateRow,
  type JobRow,
  type LedgerRow,
  readDatabase,
  readGates,
  readJobs,
} from './database.js';
import type { Dropped, Name } from './dropping.js';
import type { WorldOptions } from './home.js';
import { type ManifestLine, manifestLines } from './manifest.js';
import { release } from './mounts.js';
import { compare, type Difference, type Expected } from './oracle.js';
import { Runs } from './runs.js';
import { type Survey, survey } from './survey.js';
import { type ManifestTail, tailManifests } from './tail.js';
import type { Found } from './tree.js';
import { type Deadline, until } from './waiting.js';

export class World extends Runs {
  readonly #tails: ManifestTail[] = [];
  readonly #followed: ManifestTail[] = [];

  survey(feed?: string): Survey {
    return survey(this.feed(feed), this.statePath);
  }

  database(feed?: string): DatabaseSurvey | undefined {
    return readDatabase(this.statePath, this.feed(feed).name);
  }

  differences(change: Partial<Expected> = {}): Difference[] {
    return this.feeds.flatMap((feed) => compare(survey(feed, this.statePath), this.expected(feed, change)));
  }

  /** The oracle: fails with every difference that it finds. `settled: false` in the middle of the work. */
  check(change: Partial<Expected> = {}): void {
    const found = this.differences(change);
    assert.deepEqual(
      found,
      [],
      `the oracle finds ${found.length} differences:\n${found
        .slice(0, 40)
        .map((d) => `  ${d.kind}: ${d.what}`)
        .join('\n')}\n`,
    );
  }

  /** The files in the folders of a feed, hashed. */
  warehouse = (feed?: string): Found[] => this.survey(feed).warehouse;
  underprocess = (feed?: string): Found[] => this.survey(feed).underprocess;
  duplicates = (feed?: string): Found[] => this.survey(feed).duplicates;
  failed = (feed?: string): Found[] => this.survey(feed).failed;
  /** All lines of all hours, torn ones included. */
  manifest = (feed?: string): ManifestLine[] => manifestLines(this.feed(feed).manifests);
  jobs = (feed?: string): JobRow[] => readJobs(this.statePath, this.feed(feed).name);
  gates = (feed?: string): GateRow[] => readGates(this.statePath, this.feed(feed).name);
  ledger = (feed?: string): LedgerRow[] => this.database(feed)?.ledger ?? [];

  /**
   * See complete.ts. The file that `act` returns counts as dropped (a writer's `close` and `drop` record it
   * themselves).
   */
  async complete(
    name: Name,
    act: Parameters<typeof complete>[2],
    { feed, ...options }: Deadline & { feed?: string } = {},
  ): Promise<Dropped> {
    const dropped = await this.explained(complete(this.feed(feed), name, act, options));
    if (!this.dropped.includes(dropped)) this.dropped.push(dropped);
    return dropped;
  }

  /** Waits until a dropped content is stored, byte for byte, under its line. */
  async isStored(dropped: Dropped, options: Deadline = {}): Promise<void> {
    await this.explained(isStored(this.feed(dropped.feed), dropped, options));
  }

  /**
   * Waits until no job is left: *stored* is logged before a copied source is put away, and a stop may come in between.
   */
  async allDone(options: Deadline = {}): Promise<void> {
    const done = () => this.feeds.every(({ name }) => this.jobs(name).every(({ state }) => state === 'done'));
    await this.explained(until('nothing is under way', done, options));
  }

  /** The same, and each dropped file has had its job. */
  async allDroppedDone(options: Deadline = {}): Promise<void> {
    const found = () => this.feeds.reduce((sum, { name }) => sum + this.jobs(name).length, 0);
    await this.explained(until('every file has a job', () => found() === this.dropped.length, options));
    await this.allDone(options);
  }

  /** Asserts that nothing has been done with the file so far. */
  untouched(name: Name, feed?: string): void {
    assert.equal(touched(this.feed(feed), name), undefined);
  }

  /** Follows the manifests from outside until `stop`; ends with the world. */
  async manifestTail(feed?: string): Promise<ManifestTail> {
    const tail = await tailManifests(this.feed(feed).manifests);
    this.#tails.push(tail);
    return tail;
  }

  /** The same for a world in which processes are killed: its end fails if the reader saw anything but growth. */
  async followManifests(feed?: string): Promise<void> {
    this.#followed.push(await this.manifestTail(feed));
  }

  async end({ keep = false } = {}): Promise<void> {
    await this.killAll();
    const seen = await Promise.all(this.#followed.map((tail) => tail.stop()));
    for (const tail of this.#tails) tail.kill();
    assert.deepEqual(
      seen.flatMap(({ broken }) => broken),
      [],
      'the reader of the manifests saw something else than growth',
    );
    release(this.root);
    if (keep) process.stderr.write(`the world is left in ${this.root}\n`);
    else rmSync(this.root, { recursive: true, force: true });
  }
}

/** A world that ends with the test. */
export function createWorld(t: TestContext, options: WorldOptions = {}): World {
  const world = new World(options);
  t.after(() => world.end({ keep: process.env.KEEP_WORLD !== undefined }));
  return world;
}
