/**
 * Plays with hosts that share a ledger, drawn by chance, and what must be true at the end: each content is stored once, or the
 * shared ledger names the conflict, and every ledger says the same.
 */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet, FleetHost } from '../world/fleet.js';
import type { Program } from '../world/program.js';
import { DEADLINE_MS, until } from '../world/waiting.js';

export const FILES = Number(process.env.FILES ?? 400);
/** The longest stop of a process. */
export const STOP_MS = 1_000 * Number(process.env.STOP_SECONDS ?? 3);
const SETTLED = { withinMs: DEADLINE_MS + FILES * 20 + STOP_MS };

export class Play {
  readonly programs = new Map<string, Program>();
  readonly acts: string[] = [];
  /** The bytes of each content that was dropped, by its hash. */
  readonly contents = new Map<string, string>();
  readonly withdrawn = new Set<string>();
  /** A conflict may come: a database or a state was older, or a host was forgotten. */
  mayDiffer = false;
  #copy: string | undefined;
  #stops: { name: string; pids: number[]; end: AbortController; over: Promise<void> }[] = [];
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
      for (const { world } of at) this.contents.set(world.drop(`f${n}.csv`, text).sha256, text);
      left -= at.length;
    }
  }

  async act(): Promise<void> {
    const host = this.pick(this.fleet.hosts);
    const act = this.pick([
      ...[this.kill, this.kill, this.stop, this.stop, this.cut, this.cut, this.cutAll],
      ...[this.restart, this.save, this.restore, this.allowOne, this.audit, this.join, this.forget],
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

  /** Stops a child, or parent and children together, for a while in which other acts go on. */
  async stop({ name }: FleetHost): Promise<void> {
    const program = this.programs.get(name)!;
    const children = program.descendants();
    const pids = this.random() < 0.3 ? [program.pid, ...children] : children.length > 0 ? [this.pick(children)] : [];
    for (const pid of pids) tryKill(pid, 'SIGSTOP');
    const end = new AbortController();
    const over = sleep(this.random() * STOP_MS, undefined, { signal: end.signal })
      .catch(() => {})
      .then(() => {
        for (const pid of pids) tryKill(pid, 'SIGCONT');
        this.#stops = this.#stops.filter((one) => one.over !== over);
      });
    this.#stops.push({ name, pids, end, over });
  }

  /** Ends the stops of a host, or of all. */
  async wake(name?: string): Promise<void> {
    const its = this.#stops.filter((one) => name === undefined || one.name === name);
    for (const { end } of its) end.abort();
    await Promise.all(its.map(({ over }) => over));
  }

  async cut({ proxy }: FleetHost): Promise<void> {
    proxy.cutNext(this.pick(['before', 'after']), Math.floor(this.random() * 10));
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
    this.mayDiffer = true;
    await this.fleet.server.stop('immediate');
    this.fleet.server.restore(this.#copy);
    this.#copy = undefined;
    await this.fleet.server.begin();
  }

  /** The state of a host is that of an earlier moment; its files are not. It is rebuilt, and joins again. */
  async rollBack(host: FleetHost, whileAway: () => Promise<void>): Promise<void> {
    const { world, url, name } = host;
    const state = dirname(world.statePath);
    await this.wake(name);
    await this.programs.get(name)!.stop();
    const copy = `${world.root}.state`;
    cpSync(state, copy, { recursive: true });
    this.start(host);
    await whileAway();
    await this.end(host);
    rmSync(state, { recursive: true });
    cpSync(copy, state, { recursive: true });
    rmSync(copy, { recursive: true });
    this.mayDiffer = true;
    this.acts.push(`rollBack ${name}`);
    const rebuilt = await world.launch('ingest-ctl', ['rebuild', ...world.flags('ingest'), '--shared-ledger', url])
      .ended;
    assert.equal(rebuilt.code, 0, rebuilt.stderr);
    await this.verb(host, ['host', 'join', name, '--yes', '--shared-ledger', url], [0]);
    this.start(host);
  }

  async end({ name }: FleetHost): Promise<void> {
    const program = this.programs.get(name)!;
    program.killAll();
    await program.ended;
    await this.wake(name);
  }

  /** An operator's command. Where its connection was cut, it is given again. Returns its code, one of `codes`. */
  async verb({ world, proxy }: FleetHost, words: readonly string[], codes: readonly number[]): Promise<number> {
    for (let again = 0; ; again++) {
      const { code, stdout, stderr } = await world.run('ingest-ctl', words);
      if (codes.includes(code!)) return code!;
      assert.ok(code === 3 && again < 3, `${words.join(' ')} ended with ${code}: ${stdout}${stderr}`);
      proxy.calm();
    }
  }

  /** A content that is stored here is allowed once more, and comes again. */
  async allowOne(host: FleetHost): Promise<void> {
    const { world } = host;
    await this.wake(host.name);
    const stored = world.ledger().filter(({ sha256, state }) => state === 'stored' && this.contents.has(sha256));
    if (stored.length === 0) return;
    const { sha256 } = this.pick(stored);
    const code = await this.verb(host, ['allow-again', sha256, '--reason', 'a test'], [0, 2]);
    if (code === 0) world.drop(`again${this.#n++}.csv`, this.contents.get(sha256)!);
  }

  /** It only reads: under load it may find what is about to be stored. */
  async audit(host: FleetHost): Promise<void> {
    await this.verb(host, ['audit', '--fleet', '--shared-ledger', host.url], [0, 4]);
  }

  /** Refused while the host runs. Then it is killed somewhere, and run again. */
  async join(host: FleetHost): Promise<void> {
    const { world, name, url } = host;
    const words = ['host', 'join', name, '--shared-ledger', url];
    await this.wake(name);
    // A host that has just begun has no process yet that works on the state.
    if (this.random() < 0.3 && (await this.verb(host, words, [0, 3])) === 3) return;
    await this.end(host);
    if (this.random() < 0.5) {
      const half = world.launch('ingest-ctl', [...words, '--state-path', world.statePath]);
      await sleep(this.random() * 1_000);
      half.killAll();
      await half.ended;
    }
    await this.verb(host, words, [0]);
    this.start(host);
  }

  /** A host that has ended is forgotten, as if it was silent for an hour. It comes back by itself, is refused, and joins again. */
  async forget(host: FleetHost): Promise<void> {
    const { name, url } = host;
    const other = this.pick(this.fleet.hosts.filter((one) => one !== host));
    await this.end(host);
    await this.fleet.rows(`UPDATE hosts SET seen_at = now() - interval '2 hours' WHERE name = '${name}'`);
    await this.verb(other, ['host', 'forget', name, '--shared-ledger', other.url], [0]);
    this.mayDiffer = true;
    this.drop(20);
    this.start(host);
    await sleep(this.random() * 2_000);
    await this.end(host);
    await this.verb(host, ['host', 'join', name, '--shared-ledger', url], [0]);
    this.start(host);
  }

  async withdrawOne(host: FleetHost): Promise<void> {
    const { world, name } = host;
    await this.wake(name);
    const stored = world.ledger().filter(({ state }) => state === 'stored');
    if (stored.length === 0) return;
    const { sha256 } = this.pick(stored);
    // It has several generations, or its file is being withdrawn already.
    if ((await this.verb(host, ['withdraw', sha256, '--reason', 'a test'], [0, 2])) === 2) return;
    this.withdrawn.add(sha256);
    this.acts.push('withdraw');
  }

  async settle(): Promise<void> {
    await Promise.all(this.#stops.map(({ over }) => over));
    for (const { proxy } of this.fleet.hosts) proxy.calm();
    for (const { name, world } of this.fleet.hosts) {
      const open = () => world.jobs().filter(({ state }) => state !== 'done');
      const soFar = () =>
        open()
          .map(({ key, stage, state, payload, trail }) => `${key} ${stage} ${state} ${payload.carriedBy} ${trail}`)
          .slice(0, 5)
          .join('; ');
      const isDone = () => readdirSync(world.input).every((one) => one.startsWith('.')) && open().length === 0;
      await until(`nothing is under way at ${name}`, isDone, { ...SETTLED, soFar, everyMs: 500 });
    }
    await this.fleet.toldAll(SETTLED);
  }

  async check(): Promise<void> {
    const places = new Map<string, string[]>();
    const stored = new Set<string>();
    for (const { name, world } of this.fleet.hosts)
      for (const { sha256, generation, state } of world.ledger())
        if (state === 'stored' || state === 'unconfirmed') {
          const key = `${sha256} ${generation}`;
          places.set(key, [...(places.get(key) ?? []), name]);
          stored.add(sha256);
        }
    const conflicts = await this.fleet.rows<{ key: string }>(
      "SELECT encode(sha256, 'hex') || ' ' || generation AS key FROM conflicts",
    );
    const named = new Map<string, number>();
    for (const { key } of conflicts) named.set(key, (named.get(key) ?? 0) + 1);
    for (const sha256 of this.contents.keys())
      assert.ok(stored.has(sha256) || this.withdrawn.has(sha256), `${sha256} is nowhere`);
    for (const [key, at] of places)
      if (!this.withdrawn.has(key.split(' ')[0]!))
        assert.equal(at.length, 1 + (named.get(key) ?? 0), `${key} is at ${at}, conflicts ${named.get(key)}`);
    if (!this.mayDiffer) assert.equal(conflicts.length, 0, 'a conflict without a cause');
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
    for (const { world, url } of this.fleet.hosts) {
      const audit = await world.run('ingest-ctl', ['audit', '--fleet', '--json', '--shared-ledger', url]);
      const found = [...audit.stdout.matchAll(/"kind": ?"(\w+)"/g)].map(([, kind]) => kind);
      assert.equal(audit.code, found.length > 0 ? 4 : 0, audit.stderr);
      const isSo = this.mayDiffer ? found.every((kind) => kind === 'stored_twice') : found.length === 0;
      assert.ok(isSo, `${audit.stdout}${audit.stderr}`);
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
