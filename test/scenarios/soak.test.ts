/**
 * Two hosts with every kind of feed and all options, for days that are simulated: the clock of everything that runs goes ahead by six
 * hours at a time, while files come, processes are killed, contents withdrawn, files held and given up, and old things pruned.
 * Each day ends with all that came accounted for, with no difference for `audit`, and with what the processes and the states take.
 *
 * By hand: `SEED=1 DAYS=24 FILES=1200 node --test dist/test/scenarios/soak.test.js`
 */
import assert from 'node:assert/strict';
import { chmodSync, globSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Bucket } from '../world/bucket.js';
import { BY_COUNTRY, broken, orders } from '../world/chains.js';
import { fractions } from '../world/chance.js';
import { aheadBy, hasFaketime } from '../world/faketime.js';
import { Fleet, type FleetHost } from '../world/fleet.js';
import { asConfiguration, type Options, workDirOf } from '../world/layout.js';
import { freePort } from '../world/ports.js';
import { type Program, signal } from '../world/program.js';
import { checkBucket, correctionsOf } from '../world/publisher.js';
import { DEADLINE_MS, until } from '../world/waiting.js';
import type { World } from '../world/world.js';

const SEED = Number(process.env.SEED ?? 1);
const DAYS = Number(process.env.DAYS ?? 1);
/** A day, of both hosts and all feeds. */
const FILES = Number(process.env.FILES ?? 60);
const STEPS = 4;
const STEP_S = 21_600;
const SETTLED = { withinMs: DEADLINE_MS + FILES * 100, everyMs: 200 };

const [PLAIN, SIDECAR, MADE] = ['plain', 'sidecar', 'made'] as const;
type FeedName = typeof PLAIN | typeof SIDECAR | typeof MADE;

const OF_FEEDS: Record<FeedName, Options> = {
  [PLAIN]: { onDuplicate: 'archive', preserveSubdirs: true },
  [SIDECAR]: { mode: 'sidecar', onDuplicate: 'delete', order: 'newest', poll: true, scanIntervalSeconds: 1 },
  [MADE]: { process: BY_COUNTRY, timezone: 'America/New_York' },
};
const OF_ALL: Options = {
  ...{ stabilitySeconds: 0.1, quietMs: 0, successMarkers: true, publishPathStyle: true },
  ...{ keepLocal: '12h', keepDuplicates: '1h', duplicatesMaxBytes: 100_000, keepFailed: '1h', failedMaxBytes: 100_000 },
};
const OF_SERVICE: Options = { keepHistory: '1d', concurrency: 2, maxBytesPerSecond: '100MiB', workers: 'all=2' };

interface Drop {
  feed: FeedName;
  sha256: string;
}

/** At the end of a day. */
interface Taken {
  host: string;
  processMb: number;
  descriptors: number;
  stateKb: number;
  jobs: number;
  localFiles: number;
}

type Bounded = Exclude<keyof Taken, 'host' | 'stateKb'>;

class Soak {
  readonly #buckets = new Map<string, Bucket>();
  readonly #programs = new Map<string, Program>();
  readonly #clock: string;
  readonly #drops: Drop[] = [];
  readonly #withdrawn = new Set<string>();
  #aheadS = 0;
  #n = 0;

  constructor(
    readonly fleet: Fleet,
    readonly bucket: Bucket,
    readonly random: () => number,
  ) {
    this.#clock = join(fleet.hosts[0]!.world.root, 'clock');
  }

  #pick = <T>(from: readonly T[]): T => from[Math.floor(this.random() * from.length)]!;
  #env = (): NodeJS.ProcessEnv => aheadBy(this.#clock);

  async begin(): Promise<void> {
    writeFileSync(this.#clock, '+0s');
    for (const { name, world, url } of this.fleet.hosts) {
      const bucket = name === this.fleet.hosts[0]!.name ? this.bucket : await this.bucket.another();
      this.#buckets.set(name, bucket);
      const notify = join(world.root, 'notify');
      writeFileSync(notify, `#!/bin/sh\ncat >> ${world.root}/alarms\n`);
      chmodSync(notify, 0o755);
      const publish = { publish: `s3://${bucket.name}/raw`, publishEndpoint: bucket.endpoint };
      const feeds = world.feeds.map((feed) => ({
        ...feed,
        options: { ...OF_ALL, ...publish, ...OF_FEEDS[feed.name as FeedName] },
      }));
      const service = {
        ...OF_SERVICE,
        sharedLedger: url,
        notifyCommand: notify,
        dashboard: `127.0.0.1:${await freePort()}`,
      };
      writeFileSync(world.configPath, asConfiguration(feeds, service));
    }
    await this.fleet.join();
    for (const host of this.fleet.hosts) this.#start(host);
  }

  #start({ name, world }: FleetHost): void {
    this.#programs.set(name, world.start('ingest', [], { env: this.#env() }));
  }

  /** One in five contents comes to both hosts in the same moment, one in ten twice to one. */
  #drop(): void {
    const { hosts } = this.fleet;
    const feed = this.#pick([PLAIN, SIDECAR, MADE]);
    const n = this.#n++;
    const name = feed === PLAIN ? `d${n % 7}/f${n}.csv` : `f${n}.csv`;
    const isBroken = feed === MADE && this.random() < 0.03;
    const text = isBroken ? broken(`f${n}`) : feed === MADE ? orders(`f${n}`, 10 + (n % 50)).text : `id\n${n}\n`;
    const at = this.random() < 0.2 && !isBroken ? hosts : [this.#pick(hosts)];
    for (const { world } of at)
      for (const one of this.random() < 0.1 ? [name, name.replace('f', 'again-f')] : [name]) {
        const { sha256 } = world.drop(one, text, { feed });
        if (feed === SIDECAR) world.sidecar(one, '', { feed });
        if (!isBroken) this.#drops.push({ feed, sha256 });
      }
  }

  async #withdraw({ world }: FleetHost): Promise<void> {
    const stored = [PLAIN, MADE].flatMap((feed) => world.ledger(feed)).filter(({ state }) => state === 'stored');
    if (stored.length === 0) return;
    const { sha256 } = this.#pick(stored);
    const { code } = await world.run('ingest-ctl', ['withdraw', sha256, '--reason', 'a test'], { env: this.#env() });
    if (code === 0) this.#withdrawn.add(sha256);
  }

  /** Kills a child, or parent and children together. */
  async #kill(host: FleetHost): Promise<void> {
    const program = this.#programs.get(host.name)!;
    const child = this.#pick(program.descendants());
    if (child !== undefined && this.random() < 0.7) return signal(child, 'SIGKILL');
    program.killAll();
    await program.ended;
    this.#start(host);
  }

  /** Six hours go by at once. The gateway has the new clock a moment later. */
  async #step(): Promise<void> {
    this.#aheadS += STEP_S;
    writeFileSync(this.#clock, `+${this.#aheadS}s`);
    await this.bucket.restart({ aheadS: this.#aheadS });
  }

  #stored = (): number => this.fleet.hosts.reduce((sum, { world }) => sum + world.log.named('file_ingested').length, 0);

  async day(): Promise<Taken[]> {
    for (let step = 0; step < STEPS; step++) {
      const before = this.#stored();
      for (let n = 0; n < FILES / STEPS; n++) this.#drop();
      await until('some of them are stored', () => this.#stored() >= before + FILES / STEPS / 4, SETTLED);
      if (this.random() < 0.5) await this.#kill(this.#pick(this.fleet.hosts));
      if (this.random() < 0.5) await this.#withdraw(this.#pick(this.fleet.hosts));
      await this.#step();
    }
    // A start prunes what is older than its options let it.
    for (const host of this.fleet.hosts) {
      await this.#programs.get(host.name)!.stop();
      this.#start(host);
    }
    for (const host of this.fleet.hosts) await this.#settle(host);
    await this.fleet.toldAll(SETTLED);
    for (const host of this.fleet.hosts) await this.#audit(host);
    return this.fleet.hosts.map((host) => this.#taken(host));
  }

  async #settle({ name, world }: FleetHost): Promise<void> {
    const open = () => world.feeds.flatMap((feed) => world.jobs(feed.name)).filter(({ state }) => state !== 'done');
    const soFar = () =>
      [
        ...open().map(
          ({ key, stage, state, payload, trail }) => `${key} ${stage} ${state} ${payload.carriedBy} ${trail}`,
        ),
        this.#programs.get(name)!.tail(),
      ]
        .slice(-6)
        .join('\n');
    const isDone = async () => {
      assert.ok(this.#programs.get(name)!.running, soFar());
      // Nobody mends a broken file.
      if (open().some(({ state }) => state === 'held'))
        await this.#ctl(world, 'discard', '--all', '--code', 'header_differs');
      return world.feeds.every(({ input }) => filesBelow(input) === 0) && open().length === 0;
    };
    await until(`nothing is under way at ${name}`, isDone, { ...SETTLED, soFar });
  }

  async #audit({ world, url }: FleetHost): Promise<void> {
    await this.#ctl(world, 'audit', '--json', '--fleet', '--shared-ledger', url);
  }

  async #ctl(world: World, ...words: string[]): Promise<void> {
    const { code, stdout, stderr } = await world.run('ingest-ctl', words, { env: this.#env() });
    assert.equal(code, 0, `${world.root}: ${words.join(' ')}: ${stdout}${stderr}`);
  }

  #taken({ name, world }: FleetHost): Taken {
    const program = this.#programs.get(name)!;
    const pids = [program.pid, ...program.descendants()];
    return {
      host: name,
      processMb: Math.round(pids.reduce((sum, pid) => sum + pssOf(pid), 0) / 1_024),
      descriptors: pids.reduce((sum, pid) => sum + descriptorsOf(pid), 0),
      stateKb: Math.round(statSync(world.statePath).size / 1_024),
      jobs: world.feeds.reduce((sum, feed) => sum + world.jobs(feed.name).length, 0),
      localFiles: world.feeds.reduce((sum, feed) => sum + filesBelow(feed.warehouse) + filesBelow(workDirOf(feed)), 0),
    };
  }

  /** Each content is in one bucket, once, with its line, or was withdrawn. */
  async end(): Promise<void> {
    await this.fleet.stop();
    // The last lines wait for their part.
    for (const { world } of this.fleet.hosts) await world.runOnce([], { env: this.#env() });
    const places = new Map<string, number>();
    for (const { name } of this.fleet.hosts)
      for (const feed of [PLAIN, SIDECAR, MADE]) {
        const bucket = this.#buckets.get(name)!;
        const back = new Set((await correctionsOf(bucket, feed)).map(({ ingest_id }) => ingest_id));
        for (const { ingest_id, sha256 } of await checkBucket(bucket, feed))
          if (!back.has(ingest_id)) places.set(`${feed} ${sha256}`, (places.get(`${feed} ${sha256}`) ?? 0) + 1);
      }
    for (const { feed, sha256 } of this.#drops)
      assert.equal(places.get(`${feed} ${sha256}`) ?? 0, this.#withdrawn.has(sha256) ? 0 : 1, `${feed} ${sha256}`);
  }
}

/** The state has one hash more for each content. The rest is bounded by the options, and what a day takes differs by chance. */
function grewNothing(all: readonly Taken[]): void {
  const third = Math.floor(all.length / 3);
  const median = (some: readonly Taken[], of: Bounded): number =>
    some.map((one) => one[of]).sort((a, b) => a - b)[Math.floor(some.length / 2)]!;
  for (const of of ['processMb', 'descriptors', 'jobs', 'localFiles'] as const) {
    const [first, last] = [median(all.slice(0, third), of), median(all.slice(-third), of)];
    assert.ok(last <= first * 1.25, `${of} grew from ${first} to ${last}`);
  }
}

/** The number of files that readers see, without names that begin with . or _. */
const filesBelow = (directory: string): number =>
  globSync('**/[!._]*', { cwd: directory, withFileTypes: true }).filter((entry) => entry.isFile()).length;

/** KiB. */
function pssOf(pid: number): number {
  const [, kib] = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')) ?? [];
  return Number(kib);
}

const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

async function play(t: TestContext): Promise<void> {
  if (!hasFaketime()) return t.skip('libfaketime is not installed (Debian: faketime): days that go by were not tested');
  const bucket = await Bucket.start(t);
  if (!bucket) return;
  Object.assign(process.env, bucket.environment);
  const feeds = Object.fromEntries([PLAIN, SIDECAR, MADE].map((name) => [name, {}]));
  const fleet = await Fleet.create(t, ['a', 'b'], { feeds, seed: String(SEED) });
  if (!fleet) return;
  const soak = new Soak(fleet, bucket, fractions(SEED));
  await soak.begin();
  const all: Taken[] = [];
  for (let day = 0; day < DAYS; day++) {
    const taken = await soak.day();
    all.push(...taken);
    t.diagnostic(`day ${day + 1}: ${taken.map((one) => JSON.stringify(one)).join(' ')}`);
  }
  await soak.end();
  if (DAYS >= 9) grewNothing(all);
}

test(`all options for days: each content once, and nothing grows (SEED=${SEED})`, play);
