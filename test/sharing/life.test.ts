/** Events in the life of hosts that share a ledger: the database is away, cut, or restored; a content is repeated or withdrawn. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { JobRow } from '../world/database.js';
import { Fleet, type FleetHost } from '../world/fleet.js';
import type { WorldOptions } from '../world/home.js';
import { asConfiguration } from '../world/layout.js';
import { alter } from '../world/state-by-hand.js';
import { DEADLINE_MS, stays, until } from '../world/waiting.js';
import type { World } from '../world/world.js';

const QUICK = { options: { stabilitySeconds: 0.1, quietMs: 0 } };

async function joined(
  t: TestContext,
  names: readonly string[],
  options: WorldOptions = QUICK,
): Promise<Fleet | undefined> {
  const fleet = await Fleet.create(t, names, options);
  await fleet?.join();
  return fleet;
}

/** How long the database is away, in seconds. Longer by hand: `AWAY_SECONDS=600 node --test dist/test/sharing/life.test.js`. */
const AWAY_MS = 1000 * Number(process.env.AWAY_SECONDS ?? 10);

test('the database is away under load: what was asked for is stored, the rest is hashed and waits with its reason, no attempt is spent', async (t) => {
  const fleet = await joined(t, ['a']);
  if (!fleet) return;
  const [{ world }] = fleet.hosts as [FleetHost];
  fleet.start();
  world.drop('before.csv', 'before');
  await fleet.allDone();
  await world.run('ingest-ctl', ['pause', 'manifest']);
  for (let n = 0; n < 5; n++) world.drop(`asked${n}.csv`, `asked ${n}`);
  await until('they were asked for', () => world.jobs().filter(({ stage }) => stage === 'manifest').length === 5);
  await fleet.server.stop('immediate');
  for (let n = 0; n < 10; n++) world.drop(`f${n}.csv`, `content ${n}`);
  const { reason } = await world.event('gate_closed', ({ place }) => place === 'ledger');
  assert.match(String(reason), /^the shared ledger 127\.0\.0\.1:\d+\/postgres/);
  await world.run('ingest-ctl', ['resume', 'manifest']);
  const since = performance.now();
  await world.stored(6);
  let late = 0;
  await until(
    'it was away for long',
    () => {
      world.drop(`late${late++}.csv`, `late ${late}`);
      return performance.now() - since > AWAY_MS;
    },
    { everyMs: 200, withinMs: AWAY_MS + DEADLINE_MS },
  );
  const waits = ({ stage, state, payload }: JobRow) => stage === 'share' && state === 'ready' && payload.sha256;
  await until('all are hashed', () => world.jobs().filter(waits).length === 10 + late);
  const { stdout } = await world.run('queue-stat', []);
  assert.match(stdout, /share of default is closed, \w+: the shared ledger\s127\.0\.0\.1:\d+\/postgres/);
  assert.match(stdout, /stuck for (\d\d|\d+m)/, 'the gate stays closed');
  await fleet.server.begin();
  await fleet.allDone();
  assert.ok(world.jobs().every(({ attempts }) => attempts === 0));
  await fleet.stop();
  fleet.check();
  await fleet.checkShared();
});

test('one connection that is cut before or after its statement closes no gate', async (t) => {
  const fleet = await joined(t, ['a']);
  if (!fleet) return;
  const [{ world, proxy }] = fleet.hosts as [FleetHost];
  fleet.start();
  for (const how of ['before', 'after'] as const)
    for (let n = 0; n < 6; n++) {
      proxy.cutNext(how);
      world.drop(`${how}${n}.csv`, `${how} ${n}`);
      await fleet.allDone();
      assert.ok(!proxy.isArmed, `a statement was cut (${how})`);
    }
  await fleet.stop();
  assert.deepEqual(world.log.named('gate_closed'), []);
  fleet.check();
  await fleet.checkShared();
});

test('a database that was restored to before claims: what has no line is asked for again, nothing is stored twice', async (t) => {
  const fleet = await joined(t, ['a', 'b']);
  if (!fleet) return;
  const [{ world: a }, { world: b }] = fleet.hosts as [FleetHost, FleetHost];
  fleet.start();
  a.drop('old.csv', 'old');
  await fleet.allDone();
  await fleet.server.stop();
  const copy = fleet.server.copy();
  await fleet.server.begin();
  await a.run('ingest-ctl', ['pause', 'manifest']);
  a.drop('claimed.csv', 'claimed');
  await until('it was asked for', () => a.jobs().some(({ stage }) => stage === 'manifest'));
  for (const { world } of fleet.hosts) await world.run('ingest-ctl', ['pause', 'share']);
  await fleet.server.stop();
  fleet.server.restore(copy);
  await fleet.server.begin();
  // The other host is quicker.
  await b.run('ingest-ctl', ['resume', 'share']);
  b.drop('claimed.csv', 'claimed');
  await until('it is stored at the other host', () => b.warehouse().length === 1);
  await a.event('shared_ledger_older');
  for (const verb of ['share', 'manifest']) await a.run('ingest-ctl', ['resume', verb]);
  await fleet.allDone();
  assert.equal(a.duplicates().length, 1);
  await fleet.stop();
  fleet.check();
  await fleet.checkShared();
});

test('a content that its host allows comes again there, once; a withdrawn one is called withdrawn at every host', async (t) => {
  const fleet = await joined(t, ['a', 'b', 'c']);
  if (!fleet) return;
  const [a, b, c] = fleet.hosts.map(({ world }) => world) as [World, World, World];
  fleet.start();
  const { sha256 } = a.drop('first.csv', 'content');
  await fleet.allDone();
  // Host b has never seen it.
  const unknown = await b.run('ingest-ctl', ['allow-again', `${'0'.repeat(63)}1`, '--reason', 'lost downstream']);
  assert.match(unknown.stderr, /names no content/);
  const allowed = await b.run('ingest-ctl', ['allow-again', sha256, '--reason', 'lost downstream']);
  assert.equal(allowed.code, 0, allowed.stderr);
  b.drop('again.csv', 'content');
  await fleet.allDone();
  const stored = b.ledger().filter(({ state }) => state === 'stored');
  assert.deepEqual(
    stored.map(({ generation }) => generation),
    [2],
  );
  a.drop('third.csv', 'content');
  await fleet.allDone();
  assert.equal(a.duplicates().length, 1);
  const { code, stderr } = await b.run('ingest-ctl', ['withdraw', sha256, '--reason', 'wrong']);
  assert.equal(code, 0, stderr);
  await fleet.toldAll();
  c.drop('fourth.csv', 'content');
  await until('it is a duplicate', () => c.duplicates().length === 1);
  const again = await c.run('ingest-ctl', ['allow-again', sha256, '--reason', 'corrected']);
  assert.equal(again.code, 0, again.stderr);
  c.drop('fifth.csv', 'content');
  await until('it is stored', () => c.warehouse().length === 1);
  await fleet.stop();
  const skipped = c.log.named('file_skipped_duplicate').at(-1)!;
  assert.equal(skipped.note, 'withdrawn');
  assert.match(String(skipped.duplicate_of), /^b:\//);
});

test('--same-content-again-after counts from when it was stored anywhere to when the file arrived', async (t) => {
  const fleet = await joined(t, ['a', 'b'], { options: { ...QUICK.options, sameContentAgainAfter: '1h' } } as never);
  if (!fleet) return;
  const [{ world: a }, { world: b }] = fleet.hosts as [FleetHost, FleetHost];
  fleet.start();
  a.drop('first.csv', 'content');
  await fleet.allDone();
  await b.run('ingest-ctl', ['pause', 'share']);
  b.drop('early.csv', 'content');
  await until('it is hashed', () => b.jobs()[0]?.stage === 'share');
  // Two hours later. Both times are of then.
  await fleet.rows("UPDATE contents SET at = at - interval '2 hours'");
  alter(b, 'UPDATE jobs SET created_ms = created_ms - 7200000');
  await b.run('ingest-ctl', ['resume', 'share']);
  await fleet.allDone();
  assert.equal(b.duplicates().length, 1, 'it came before the time was over');
  b.drop('late.csv', 'content');
  await fleet.allDone();
  const stored = b.ledger().filter(({ state }) => state === 'stored');
  assert.deepEqual(
    stored.map(({ generation }) => generation),
    [2],
  );
  await fleet.stop();
});

test('an end that PostgreSQL learns of late has the age of its storing', async (t) => {
  const fleet = await joined(t, ['a']);
  if (!fleet) return;
  const [{ world }] = fleet.hosts as [FleetHost];
  fleet.start();
  await world.run('ingest-ctl', ['pause', 'manifest']);
  world.drop('one.csv', 'one');
  await until('it was asked for', () => world.jobs().some(({ stage }) => stage === 'manifest'));
  await fleet.server.stop();
  await world.run('ingest-ctl', ['resume', 'manifest']);
  await world.stored(1);
  await stays('it is away', () => true, 4_000);
  await fleet.server.begin();
  await fleet.toldAll();
  const [row] = await fleet.rows<{ age: number }>('SELECT extract(epoch FROM now() - at)::float8 AS age FROM contents');
  assert.ok(row!.age >= 4, `${row!.age} s`);
  await fleet.stop();
});

test('a changed address holds for a worker that goes on, and where a feed is not configured any more', async (t) => {
  const fleet = await joined(t, ['a'], { feeds: { former: {}, now: {} } });
  if (!fleet) return;
  const [{ world, proxy, url }] = fleet.hosts as [FleetHost];
  world.start('ingest-worker');
  const before = world.start('ingest-producer', ['--shared-ledger', url]);
  world.drop('one.csv', 'one', { feed: 'now' });
  await fleet.allDone();
  await before.stop();
  const feeds = world.feeds.filter(({ name }) => name === 'now');
  writeFileSync(world.configPath, asConfiguration(feeds, { sharedLedger: fleet.server.url }));
  proxy.close();
  const after = world.start('ingest-producer');
  world.drop('two.csv', 'two', { feed: 'now' });
  await fleet.allDone();
  await after.stop();
  const { stdout, stderr } = await world.run('queue-stat', ['--fleet']);
  assert.match(stdout, /^a /m, stderr);
  await world.stop();
});
