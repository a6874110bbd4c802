/** How hosts enter, move, are copied, rolled back and forgotten. A refusal changes nothing. */
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { HeardEvent } from '../world/event-log.js';
import { Fleet, type FleetHost, untoldOf } from '../world/fleet.js';
import { until } from '../world/waiting.js';

const QUICK = { options: { stabilitySeconds: 0.1, quietMs: 0 } };

async function joined(t: TestContext, names: readonly string[]): Promise<Fleet | undefined> {
  const fleet = await Fleet.create(t, names, QUICK);
  await fleet?.join();
  return fleet;
}

const everything = (fleet: Fleet) =>
  fleet.rows(
    "SELECT 'host' AS what, id::text || ' ' || name || ' ' || coalesce(place, '-') AS it FROM hosts UNION ALL SELECT 'content', encode(sha256, 'hex') || ' ' || generation || ' ' || host || ' ' || state || ' ' || asked FROM contents UNION ALL SELECT 'conflict', encode(sha256, 'hex') || host FROM conflicts ORDER BY 1, 2",
  );

/** Seconds since host a was seen. */
const seen = async (fleet: Fleet): Promise<number> =>
  (
    await fleet.rows<{ s: number }>(
      "SELECT extract(epoch FROM now() - seen_at)::float8 AS s FROM hosts WHERE name = 'a'",
    )
  )[0]!.s;

/** As long ago as no host lives without a sign. */
const silence = (fleet: Fleet, name: string) =>
  fleet.rows(`UPDATE hosts SET seen_at = now() - interval '2 hours' WHERE name = '${name}'`);

test('host join beside a running ingest, and with the name of another host, is refused and changes nothing', async (t) => {
  const fleet = await joined(t, ['a', 'b']);
  if (!fleet) return;
  fleet.startOne(fleet.host('a'));
  const { world } = fleet.host('a');
  world.drop('one.csv', 'one');
  await world.stored(1);
  await until('it is told', async () => (await everything(fleet)).some(({ it }) => String(it).includes(' stored ')));
  const before = await everything(fleet);
  assert.match(await fleet.ctl('a', ['host', 'join', 'a'], { code: 3 }), /needs the state for itself/);
  assert.match(await fleet.ctl('b', ['host', 'join', 'a'], { code: 3 }), /another host has the name a /);
  assert.match(await fleet.ctl('b', ['host', 'join', 'a', '--take-over'], { code: 3 }), /has not joined/);
  assert.match(await fleet.ctl('b', ['host', 'forget', 'a'], { code: 2 }), /host a was seen/);
  assert.match(await fleet.ctl('b', ['host', 'forget', 'nobody'], { code: 2 }), /knows no host nobody/);
  assert.deepEqual(await everything(fleet), before);
  fleet.startOne(fleet.host('b'));
  fleet.host('b').world.drop('two.csv', 'one');
  await fleet.allDone();
  await fleet.stop();
  fleet.check();
});

test('who is shut out by a copy of its state writes nothing; with another name a copy is a host of its own', async (t) => {
  const fleet = await joined(t, ['a', 'b']);
  if (!fleet) return;
  const { world, url } = fleet.host('a');
  const first = fleet.startOne(fleet.host('a'));
  world.drop('one.csv', 'one');
  await world.allDroppedDone();
  await until('its end is told', () => untoldOf(world.statePath) === 0);
  await first.stop();
  const copied = `${world.root}.copied`;
  t.after(() => rmSync(copied, { recursive: true, force: true }));
  cpSync(dirname(world.statePath), copied, { recursive: true });
  const statePath = join(copied, 'state.db');
  const asCopy = ['--shared-ledger', url, '--state-path', statePath];
  const original = fleet.startOne(fleet.host('a'));
  await until('it lives', async () => (await seen(fleet)) < 5);
  const copy = world.launch('ingest-worker', ['--state-path', statePath]);
  const watches = ({ code }: HeardEvent) => code === 'host_watched';
  await world.event('shared_ledger_away', watches);
  await copy.stop();
  // The copy takes the place: now it is the original that is shut out.
  const { code, stderr } = await world.launch('ingest-ctl', ['host', 'join', 'a', ...asCopy]).ended;
  assert.equal(code, 0, stderr);
  const before = await everything(fleet);
  world.drop('two.csv', 'two');
  const refused = ({ code: why }: HeardEvent) => why === 'host_replaced' || why === 'state_older';
  await world.event('shared_ledger_away', refused);
  await until('the file waits', () => world.jobs().some(({ stage, state }) => stage === 'share' && state === 'ready'));
  assert.deepEqual(await everything(fleet), before);
  await original.stop();
  for (const words of [
    ['host', 'join', 'b', '--take-over'],
    ['host', 'forget', 'a'],
    ['host', 'forget', 'b'],
  ]) {
    const given = [...words, ...(words[1] === 'join' ? asCopy : asCopy.slice(0, 2))];
    const { code: refusal } = await world.launch('ingest-ctl', given).ended;
    assert.equal(refusal, words[1] === 'join' ? 3 : 2);
  }
  assert.deepEqual(await everything(fleet), before);
  const renamed = await world.launch('ingest-ctl', ['host', 'join', 'c', ...asCopy]).ended;
  assert.equal(renamed.code, 0, renamed.stderr);
  const hosts = await fleet.rows<{ name: string }>('SELECT name FROM hosts ORDER BY name');
  assert.deepEqual(
    hosts.map(({ name }) => name),
    ['a', 'b', 'c'],
  );
});

test('a host that is rolled back, state, warehouse and all, asks nothing and says so; rebuilt and joined again it goes on', async (t) => {
  const fleet = await joined(t, ['a', 'b']);
  if (!fleet) return;
  const [{ world: a }, { world: b }] = fleet.hosts as [FleetHost, FleetHost];
  const [first] = fleet.start();
  a.drop('one.csv', 'one');
  await fleet.allDone();
  await first!.stop();
  const snapshot = `${a.root}.snapshot`;
  t.after(() => rmSync(snapshot, { recursive: true, force: true }));
  cpSync(a.root, snapshot, { recursive: true, preserveTimestamps: true });
  const again = fleet.startOne(fleet.host('a'));
  a.drop('two.csv', 'two');
  await fleet.allDone();
  await again.stop();
  rmSync(a.root, { recursive: true });
  cpSync(snapshot, a.root, { recursive: true, preserveTimestamps: true });
  const old = fleet.startOne(fleet.host('a'));
  a.drop('two.csv', 'two');
  const isSo = ({ code }: HeardEvent) => code === 'state_older';
  const { reason } = await a.event('gate_closed', isSo);
  assert.match(String(reason), /the state is an older copy/);
  assert.equal(a.warehouse().length, 1);
  b.drop('two.csv', 'two');
  await until('b knows that a has it', () => b.duplicates().length === 1);
  await old.stop();
  const rebuilt = await a.launch('ingest-ctl', [
    'rebuild',
    ...a.flags('ingest'),
    '--shared-ledger',
    fleet.host('a').url,
  ]).ended;
  assert.equal(rebuilt.code, 0, rebuilt.stderr);
  const listed = await a.run('ingest-ctl', ['host', 'join', 'a', '--shared-ledger', fleet.host('a').url]);
  assert.equal(listed.code, 4, listed.stderr);
  assert.match(listed.stdout, /The others count a content as stored here that its state does not know/);
  await fleet.ctl('a', ['host', 'join', 'a', '--yes']);
  fleet.startOne(fleet.host('a'));
  await until('it is stored again', () => a.warehouse().length === 2);
  await fleet.stop();
});

test('a host that is gone is forgotten once it was silent for an hour; what it carried is for who asks', async (t) => {
  const fleet = await joined(t, ['a', 'b']);
  if (!fleet) return;
  const [{ world: a }, { world: b }] = fleet.hosts as [FleetHost, FleetHost];
  const [first] = fleet.start();
  await a.run('ingest-ctl', ['pause', 'manifest']);
  a.drop('one.csv', 'one');
  await until('it was asked for', () => a.jobs().some(({ stage }) => stage === 'manifest'));
  await first!.stop();
  b.drop('one.csv', 'one');
  await until('it waits for a', () => b.jobs()[0]?.payload.carriedBy === 'a');
  await silence(fleet, 'a');
  assert.match(await fleet.ctl('b', ['host', 'forget', 'a']), /a is forgotten/);
  await until('b has stored it', () => b.warehouse().length === 1);
  const back = fleet.startOne(fleet.host('a'));
  const isSo = ({ code }: HeardEvent) => code === 'host_forgotten';
  await a.event('shared_ledger_away', isSo);
  await back.stop();
  await fleet.ctl('a', ['host', 'join', 'a']);
  await a.run('ingest-ctl', ['resume', 'manifest']);
  fleet.startOne(fleet.host('a'));
  await fleet.allDone();
  assert.equal(a.duplicates().length, 1);
  await fleet.stop();
  fleet.check();
});

test('a state that has joined under another name takes no lost host over: its contents would stay locked', async (t) => {
  const fleet = await joined(t, ['a', 'b']);
  if (!fleet) return;
  await silence(fleet, 'a');
  const before = await everything(fleet);
  const refused = await fleet.ctl('b', ['host', 'join', 'a', '--take-over'], { code: 3 });
  assert.match(refused, /in a state that has not joined; this one has joined as b, so use one that has not\./);
  assert.deepEqual(await everything(fleet), before);
  await fleet.ctl('b', ['host', 'join', 'b', '--take-over']);
});

test('a restored database after allow-again and after withdraw: both are remembered', async (t) => {
  const fleet = await joined(t, ['a', 'b']);
  if (!fleet) return;
  const [{ world: a }, { world: b }] = fleet.hosts as [FleetHost, FleetHost];
  fleet.start();
  await fleet.server.stop();
  const copy = fleet.server.copy();
  await fleet.server.begin();
  const allowed = a.drop('allowed.csv', 'allowed');
  const wrong = a.drop('wrong.csv', 'wrong');
  await fleet.allDone();
  await a.run('ingest-ctl', ['withdraw', wrong.sha256, '--reason', 'wrong']);
  const again = await a.run('ingest-ctl', ['allow-again', allowed.sha256, '--reason', 'lost']);
  assert.equal(again.code, 0, again.stderr);
  await fleet.toldAll();
  await fleet.server.stop();
  fleet.server.restore(copy);
  await fleet.server.begin();
  await a.event('shared_ledger_older');
  await fleet.toldAll();
  b.drop('wrong.csv', 'wrong');
  b.drop('allowed.csv', 'allowed');
  a.drop('allowed-again.csv', 'allowed');
  await until('it is stored once more', () => a.warehouse().length === 2);
  await until('both are duplicates', () => b.duplicates().length === 2);
  const stored = a.ledger().filter(({ state }) => state === 'stored');
  assert.deepEqual(stored.map(({ generation }) => generation).sort(), [1, 2]);
  await fleet.stop();
});

test('twelve hosts ask for the same contents at once: each is stored once, and no statement deadlocks', async (t) => {
  const names = Array.from({ length: 12 }, (_, n) => `h${n}`);
  const fleet = await joined(t, names);
  if (!fleet) return;
  for (const [i, { world }] of fleet.hosts.entries())
    for (let n = 0; n < 50; n++) {
      const it = (n * 7 + i * 13) % 50;
      world.drop(`f${it}.csv`, `content ${it}`);
    }
  fleet.start();
  await fleet.allDone();
  await fleet.stop();
  fleet.check();
  await fleet.checkShared();
});
