/**
 * Three hosts with one PostgreSQL, real processes: files of which a third are the same at the same moment, while processes are killed
 * and stopped, connections cut, PostgreSQL restarted and restored, and hosts rolled back. At the end each content is stored once, or
 * the shared ledger names the conflict, and every ledger says the same.
 *
 * By hand: `SEED=1 SEEDS=20 FILES=30000 ROUNDS=60 node --test dist/test/sharing/random.test.js`
 */
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fleet, type FleetHost } from '../world/fleet.js';
import type { Program } from '../world/program.js';
import { until } from '../world/waiting.js';

const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const SEEDS = Number(process.env.SEEDS ?? 1);
const FILES = Number(process.env.FILES ?? 400);
const ROUNDS = Number(process.env.ROUNDS ?? 12);
const NAMES = ['a', 'b', 'c'];
const SETTLED = { withinMs: 120_000 + FILES * 20 };

/** Mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Play {
  readonly programs = new Map<string, Program>();
  readonly acts: string[] = [];
  readonly contents = new Set<string>();
  readonly withdrawn = new Set<string>();
  /** A conflict may come: a database or a state was older. */
  isOlder = false;
  #copy: string | undefined;
  #n = 0;

  constructor(
    readonly fleet: Fleet,
    readonly random: () => number,
  ) {}

  pick = <T>(from: readonly T[]): T => from[Math.floor(this.random() * from.length)]!;

  start(host: FleetHost): void {
    this.programs.set(host.name, this.fleet.startOne(host));
  }

  /** Drops so many files: a third of them at several hosts at the same moment. */
  drop(files: number): void {
    for (let left = files; left > 0; ) {
      const n = this.#n++;
      const text = `content ${n}\n`;
      const at = this.random() < 0.3 ? this.fleet.hosts : [this.pick(this.fleet.hosts)];
      for (const { world } of at) this.contents.add(world.drop(`f${n}.csv`, text).sha256);
      left -= at.length;
    }
  }

  async act(): Promise<void> {
    const host = this.pick(this.fleet.hosts);
    const act = this.pick([
      this.kill,
      this.kill,
      this.stop,
      this.cut,
      this.cutAll,
      this.restart,
      this.save,
      this.restore,
    ]);
    this.acts.push(`${act.name} ${host.name}`);
    await act.call(this, host);
  }

  /** Kills a child, or parent and children together. */
  async kill(host: FleetHost): Promise<void> {
    const program = this.programs.get(host.name)!;
    if (this.random() < 0.6) {
      const child = this.pick(program.descendants());
      if (child !== undefined) tryKill(child, 'SIGKILL');
      return;
    }
    program.killAll();
    await program.ended;
    this.start(host);
  }

  async stop({ name }: FleetHost): Promise<void> {
    const child = this.pick(this.programs.get(name)!.descendants());
    if (child === undefined) return;
    tryKill(child, 'SIGSTOP');
    await sleep(this.random() * 3_000);
    tryKill(child, 'SIGCONT');
  }

  async cut({ proxy }: FleetHost): Promise<void> {
    proxy.cutNext(this.pick(['before', 'after']), Math.floor(this.random() * 3));
  }

  async cutAll({ proxy }: FleetHost): Promise<void> {
    proxy.cutAll();
  }

  async restart(): Promise<void> {
    await this.fleet.server.stop('immediate');
    await sleep(this.random() * 2_000);
    await this.fleet.server.begin();
  }

  async save(): Promise<void> {
    await this.fleet.server.stop();
    if (this.#copy !== undefined) rmSync(this.#copy, { recursive: true });
    this.#copy = this.fleet.server.copy();
    await this.fleet.server.begin();
  }

  async restore(): Promise<void> {
    if (this.#copy === undefined) return this.save();
    this.isOlder = true;
    await this.fleet.server.stop('immediate');
    this.fleet.server.restore(this.#copy);
    this.#copy = undefined;
    await this.fleet.server.begin();
  }

  /** The state of a host is that of an earlier moment; its files are not. It is rebuilt, and joins again. */
  async rollBack(host: FleetHost, whileAway: () => Promise<void>): Promise<void> {
    const { world, url, name } = host;
    const state = dirname(world.statePath);
    await this.programs.get(name)!.stop();
    const copy = `${world.root}.state`;
    cpSync(state, copy, { recursive: true });
    this.start(host);
    await whileAway();
    const program = this.programs.get(name)!;
    program.killAll();
    await program.ended;
    rmSync(state, { recursive: true });
    cpSync(copy, state, { recursive: true });
    rmSync(copy, { recursive: true });
    this.isOlder = true;
    this.acts.push(`rollBack ${name}`);
    const rebuilt = await world.launch('ingest-ctl', ['rebuild', ...world.flags('ingest'), '--shared-ledger', url])
      .ended;
    assert.equal(rebuilt.code, 0, rebuilt.stderr);
    await this.fleet.ctl(name, ['host', 'join', name, '--yes']);
    this.start(host);
  }

  async withdrawOne({ world }: FleetHost): Promise<void> {
    const stored = world.ledger().filter(({ state }) => state === 'stored');
    if (stored.length === 0) return;
    const { sha256 } = this.pick(stored);
    const { code, stderr } = await world.run('ingest-ctl', ['withdraw', sha256, '--reason', 'a test']);
    assert.equal(code, 0, stderr);
    this.withdrawn.add(sha256);
    this.acts.push('withdraw');
  }

  async settle(): Promise<void> {
    for (const { proxy } of this.fleet.hosts) proxy.calm();
    for (const { name, world } of this.fleet.hosts) {
      const open = () => world.jobs().filter(({ state }) => state !== 'done');
      const soFar = () =>
        open()
          .map(({ key, stage, state, payload, trail }) => `${key} ${stage} ${state} ${payload.carriedBy} ${trail}`)
          .slice(0, 5)
          .join('; ');
      await until(`nothing is under way at ${name}`, () => open().length === 0, { ...SETTLED, soFar, everyMs: 500 });
    }
    await this.fleet.toldAll(SETTLED);
  }

  async check(): Promise<void> {
    const places = new Map<string, string[]>();
    for (const { name, world } of this.fleet.hosts)
      for (const { sha256, state } of world.ledger())
        if (state === 'stored' || state === 'unconfirmed') places.set(sha256, [...(places.get(sha256) ?? []), name]);
    const conflicts = await this.fleet.rows<{ sha256: string; name: string }>(
      "SELECT encode(sha256, 'hex') AS sha256, h.name FROM conflicts o JOIN hosts h ON h.id = o.host",
    );
    const named = new Map<string, number>();
    for (const { sha256 } of conflicts) named.set(sha256, (named.get(sha256) ?? 0) + 1);
    for (const sha256 of this.contents) {
      const at = places.get(sha256) ?? [];
      if (this.withdrawn.has(sha256)) continue;
      assert.equal(at.length, 1 + (named.get(sha256) ?? 0), `${sha256} is at ${at}, conflicts ${named.get(sha256)}`);
    }
    if (!this.isOlder) assert.equal(conflicts.length, 0, 'a conflict without a cause');
    const rows = await this.fleet.rows<{ sha256: string; generation: number; name: string; state: string }>(
      "SELECT encode(c.sha256, 'hex') AS sha256, c.generation, h.name, c.state FROM contents c JOIN hosts h ON h.id = c.host",
    );
    const here = new Map(
      this.fleet.hosts.flatMap(({ name, world }) =>
        world.ledger().map((one) => [`${name} ${one.sha256} ${one.generation}`, one.state] as const),
      ),
    );
    for (const { sha256, generation, name, state } of rows) {
      const its = here.get(`${name} ${sha256} ${generation}`);
      assert.ok(its, `${name} does not know ${sha256}`);
      assert.equal(its === 'withdrawn' ? its : 'stored', state, `${sha256} of ${name}`);
    }
    for (const { world } of this.fleet.hosts) {
      const audit = await world.run('ingest-ctl', ['audit']);
      assert.equal(audit.code, 0, `${audit.stdout}${audit.stderr}`);
    }
  }
}

function tryKill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}

async function playOne(t: TestContext, seed: number): Promise<void> {
  const fleet = await Fleet.create(t, NAMES, { options: { stabilitySeconds: 0.1, quietMs: 0 } });
  if (!fleet) return;
  await fleet.join();
  const play = new Play(fleet, randomOf(seed));
  for (const host of fleet.hosts) play.start(host);
  try {
    const rolledBack = Math.floor(ROUNDS * 0.6);
    for (let round = 0; round < ROUNDS; round++) {
      play.drop(Math.ceil(FILES / ROUNDS));
      if (round === rolledBack && play.random() < 0.7)
        await play.rollBack(play.pick(fleet.hosts), async () => {
          play.drop(Math.ceil(FILES / ROUNDS));
          await sleep(play.random() * 3_000);
        });
      else await play.act();
      if (play.random() < 0.2) await play.withdrawOne(play.pick(fleet.hosts));
      await sleep(play.random() * 1_000);
    }
    await play.settle();
    await fleet.stop();
    await play.check();
  } catch (error) {
    const said = fleet.hosts.flatMap(({ name, world }) =>
      ['shared_ledger_away', 'shared_ledger_back', 'shared_ledger_older', 'fatal']
        .flatMap((event) => world.log.named(event))
        .map(({ time, event, code, reason }) => `${name} ${time} ${event} ${code} ${reason}`),
    );
    throw new Error(`SEED=${seed} FILES=${FILES} ROUNDS=${ROUNDS}: ${play.acts.join(', ')}\n${said.join('\n')}`, {
      cause: error,
    });
  }
}

for (let n = 0; n < SEEDS; n++)
  test(`three hosts store each content once (SEED=${SEED + n})`, { timeout: 900_000 }, (t) => playOne(t, SEED + n));
