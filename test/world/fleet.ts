/**
 * Hosts that share a ledger: one world for each, and one proxy for each to the same PostgreSQL.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import Database from 'better-sqlite3';
import type { QueryResultRow } from 'pg';
import { SharedDatabase } from '../../src/shared-ledger/database.js';
import { CuttingProxy } from './cutting-proxy.js';
import type { WorldOptions } from './home.js';
import { Postgres } from './postgres.js';
import type { Program } from './program.js';
import { type Deadline, until } from './waiting.js';
import { createWorld, type World } from './world.js';

export interface FleetHost {
  name: string;
  world: World;
  proxy: CuttingProxy;
  url: string;
}

export class Fleet {
  private constructor(
    public server: Postgres,
    readonly hosts: readonly FleetHost[],
  ) {}

  /** `through`: the port of a proxy to the server. Undefined, and the test is skipped, if there is no PostgreSQL. */
  static async create(
    t: TestContext,
    names: readonly string[],
    options: WorldOptions = {},
    through: (server: Postgres) => Promise<number> = async ({ port }) => port,
  ): Promise<Fleet | undefined> {
    const server = await Postgres.start(t);
    if (!server) return undefined;
    const port = await through(server);
    const hosts: FleetHost[] = [];
    for (const name of names) {
      const proxy = await CuttingProxy.start(t, port);
      hosts.push({ name, world: createWorld(t, options), proxy, url: server.urlAt(proxy.port) });
    }
    return new Fleet(server, hosts);
  }

  host(name: string): FleetHost {
    const host = this.hosts.find((one) => one.name === name);
    assert(host, `there is no host ${name}`);
    return host;
  }

  async join(): Promise<void> {
    for (const { name, world, url } of this.hosts) {
      const { code, stderr } = await world.run('ingest-ctl', ['host', 'join', name, '--shared-ledger', url]);
      assert.equal(code, 0, stderr);
    }
  }

  /** Runs `ingest-ctl host` at that host; returns its output. */
  async ctl(name: string, words: readonly string[], { code = 0 } = {}): Promise<string> {
    const { world, url } = this.host(name);
    const ended = await world.run('ingest-ctl', [...words, '--shared-ledger', url]);
    assert.equal(ended.code, code, `${ended.stdout}${ended.stderr}`);
    return (code === 0 ? ended.stdout : ended.stderr).trim();
  }

  /** Queries the database directly. */
  async rows<Row extends QueryResultRow>(statement: string): Promise<Row[]> {
    const shared = new SharedDatabase(this.server.url);
    try {
      return await shared.rows<Row>(statement);
    } finally {
      await shared.close();
    }
  }

  start(): Program[] {
    return this.hosts.map((host) => this.startOne(host));
  }

  startOne = ({ world, url }: FleetHost): Program => world.start('ingest', ['--shared-ledger', url]);

  /** Each file is done, and the other hosts know everything that was stored. */
  async allDone(options: Deadline = {}): Promise<void> {
    for (const { world } of this.hosts) await world.allDroppedDone(options);
    await this.toldAll(options);
  }

  async toldAll(options: Deadline = {}): Promise<void> {
    for (const { world } of this.hosts)
      await until('every end is told', () => untoldOf(world.statePath) === 0, options);
  }

  async stop(): Promise<void> {
    for (const { world } of this.hosts) await world.stop();
  }

  /** The shared ledger has each content as stored, with its host. Only when everything is done. */
  async checkShared(): Promise<void> {
    const rows = await this.rows<{ sha256: string; name: string; state: string }>(
      "SELECT encode(c.sha256, 'hex') AS sha256, h.name, c.state FROM contents c JOIN hosts h ON h.id = c.host",
    );
    const said = rows.map(({ sha256, name, state }) => `${sha256} ${state} ${name}`).sort();
    const are = this.hosts.flatMap(({ name, world }) =>
      world.warehouse().map(({ sha256 }) => `${sha256} stored ${name}`),
    );
    assert.deepEqual(said, are.sort());
  }

  /** Each content is in exactly one warehouse, once, with one line; nothing else is wrong at any host. */
  check(): void {
    const places = new Map<string, string[]>();
    for (const { name, world } of this.hosts)
      for (const { sha256 } of world.warehouse()) places.set(sha256, [...(places.get(sha256) ?? []), name]);
    const dropped = new Set(this.hosts.flatMap(({ world }) => world.dropped.map(({ sha256 }) => sha256)));
    for (const sha256 of dropped) assert.equal(places.get(sha256)?.length, 1, `${sha256} is at ${places.get(sha256)}`);
    assert.equal(places.size, dropped.size, 'nothing else was stored');
    for (const { world } of this.hosts) {
      const lines = world.manifest().map(({ record }) => record!.sha256);
      assert.equal(new Set(lines).size, lines.length, 'one line a content');
      assert.deepEqual(new Set(lines), new Set(world.warehouse().map(({ sha256 }) => sha256)), 'a line for each');
    }
  }
}

/** Contents whose end was not told, or was told and is to be told again. */
export const untoldOf = (statePath: string): number =>
  numberIn(
    statePath,
    'SELECT (SELECT count(*) FROM contents WHERE told = 0) + (SELECT count(*) FROM host WHERE cursor IS NOT NULL) AS n',
  );

/** The newest revision that the state knows of the database. */
export const revisionOf = (statePath: string): number => numberIn(statePath, 'SELECT revision AS n FROM host');

function numberIn(statePath: string, query: string): number {
  const db = new Database(statePath, { readonly: true, timeout: 5_000 });
  try {
    return (db.prepare(query).get() as { n: number }).n;
  } finally {
    db.close();
  }
}
