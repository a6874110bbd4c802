/**
 * Failover to a standby under load, through PgBouncer, which pools transactions, or HAProxy, which finds the primary by itself; then
 * the old primary again as a standby, by pg_rewind.
 * With a synchronous standby nothing is stored twice. With one that lags everything is told again by itself, and what two hosts have
 * stored meanwhile is a conflict that both name.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SharedDatabase } from '../../src/shared-ledger/database.js';
import { CuttingProxy } from '../world/cutting-proxy.js';
import { Fleet, revisionOf } from '../world/fleet.js';
import { Haproxy, hasHaproxy } from '../world/haproxy.js';
import { hasPgBouncer, PgBouncer } from '../world/pgbouncer.js';
import { freePort } from '../world/ports.js';
import type { Postgres } from '../world/postgres.js';
import { until } from '../world/waiting.js';

const QUICK = { options: { stabilitySeconds: 0.1, quietMs: 0 } };
const SECONDS = Number(process.env.LOAD_SECONDS ?? 2);

/** Drops files at all hosts, half of them the same at the same moment. */
async function load(fleet: Fleet, name: string, ms: number): Promise<void> {
  const endMs = performance.now() + ms;
  for (let n = 0; performance.now() < endMs; n++) {
    for (const [i, { world }] of fleet.hosts.entries())
      world.drop(`${name}${n}.csv`, n % 2 === 0 ? `${name} ${n}\n` : `${name} ${n} of ${i}\n`);
    await sleep(50);
  }
}

async function conflictsIn(fleet: Fleet): Promise<Map<string, number>> {
  const rows = await fleet.rows<{ sha256: string; n: number }>(
    "SELECT encode(sha256, 'hex') AS sha256, count(*)::int AS n FROM conflicts GROUP BY 1",
  );
  return new Map(rows.map(({ sha256, n }) => [sha256, n]));
}

/** Each host has an answer of the primary that the standby, which is cut off, does not know. */
async function heardMoreThan(fleet: Fleet, standby: Postgres): Promise<void> {
  const shared = new SharedDatabase(standby.url);
  const rows = await shared.rows<{ name: string; revision: number }>(
    'SELECT name, revision::float8 AS revision FROM hosts',
  );
  await shared.close();
  const there = new Map(rows.map(({ name, revision }) => [name, revision]));
  const hasHeard = () => fleet.hosts.every(({ name, world }) => revisionOf(world.statePath) > there.get(name)!);
  await until('each host has heard of the primary since', hasHeard);
}

/** Each content is stored once, and once more for each conflict. */
function checkStored(fleet: Fleet, conflicts: ReadonlyMap<string, number>): void {
  const places = new Map<string, number>();
  for (const { world } of fleet.hosts)
    for (const { sha256 } of world.warehouse()) places.set(sha256, (places.get(sha256) ?? 0) + 1);
  for (const sha256 of new Set(fleet.hosts.flatMap(({ world }) => world.dropped.map((one) => one.sha256))))
    assert.equal(places.get(sha256), 1 + (conflicts.get(sha256) ?? 0), sha256);
}

interface Way {
  isThere: () => boolean;
  /** Debian's package. */
  name: string;
  /** Starts a proxy to the first of the two ports. */
  start(t: TestContext, ports: readonly [primary: number, standby: number]): Promise<{ port: number; turn(): void }>;
}

const PGBOUNCER: Way = {
  isThere: hasPgBouncer,
  name: 'pgbouncer',
  async start(t, [primary, standby]) {
    const bouncer = await PgBouncer.start(t, primary);
    return { port: bouncer.port, turn: () => bouncer.leadTo(standby) };
  },
};
const HAPROXY: Way = {
  isThere: hasHaproxy,
  name: 'haproxy',
  start: async (t, ports) => ({ port: (await Haproxy.start(t, ports)).port, turn: () => {} }),
};

async function failOver(
  t: TestContext,
  way: Way,
  isSynchronous: boolean,
): Promise<{ fleet: Fleet; standby: Postgres } | undefined> {
  if (!way.isThere()) {
    t.skip(`${way.name} is not installed: a failover through it was not tested`);
    return undefined;
  }
  const standbyPort = await freePort();
  let turn = (): void => {};
  const through = async (server: Postgres): Promise<number> => {
    const proxy = await way.start(t, [server.port, standbyPort]);
    turn = proxy.turn;
    return proxy.port;
  };
  const fleet = await Fleet.create(t, ['a', 'b', 'c'], QUICK, through);
  if (!fleet) return undefined;
  await fleet.join();
  const primary = fleet.server;
  // pg_rewind reads the log back to before they diverged.
  await fleet.rows("ALTER SYSTEM SET wal_keep_size = '256MB'");
  const line = await CuttingProxy.start(t, primary.port);
  const standby = await primary.standby(t, line.port, standbyPort);
  if (isSynchronous) {
    await fleet.rows("ALTER SYSTEM SET synchronous_standby_names = 'standby'");
    await fleet.rows('SELECT pg_reload_conf()');
  }
  fleet.start();
  await load(fleet, 'before', SECONDS * 1_000);
  if (!isSynchronous) line.close();
  await load(fleet, 'lag', SECONDS * 1_000);
  if (!isSynchronous) await heardMoreThan(fleet, standby);
  await primary.stop('immediate');
  standby.promote();
  fleet.server = standby;
  turn();
  await load(fleet, 'after', SECONDS * 1_000);
  // pg_rewind reads the new timeline from the control file.
  await fleet.rows('CHECKPOINT');
  await primary.follow(standby);
  await until('the old primary follows', async () => {
    const [row] = await fleet.rows<{ n: number }>('SELECT count(*)::int AS n FROM pg_stat_replication');
    return row!.n === 1;
  });
  await fleet.allDone();
  return { fleet, standby };
}

for (const way of [PGBOUNCER, HAPROXY]) {
  test(`a failover to a synchronous standby stores nothing twice (${way.name})`, async (t) => {
    const played = await failOver(t, way, true);
    if (!played) return;
    const { fleet } = played;
    await fleet.stop();
    assert.deepEqual(await conflictsIn(fleet), new Map());
    fleet.check();
    await fleet.checkShared();
  });

  test(`after a failover to a standby that lags, everything is told again, and what is stored twice is named (${way.name})`, async (t) => {
    const played = await failOver(t, way, false);
    if (!played) return;
    const { fleet } = played;
    for (const { world } of fleet.hosts)
      assert.ok(world.log.named('shared_ledger_older').length > 0, 'each host noticed it');
    // What was lost is dropped again, at every host.
    for (const { world } of fleet.hosts) world.drop('again.csv', 'lag 0\n');
    await fleet.allDone();
    await fleet.stop();
    const conflicts = await conflictsIn(fleet);
    t.diagnostic(`${conflicts.size} conflicts`);
    checkStored(fleet, conflicts);
  });
}
