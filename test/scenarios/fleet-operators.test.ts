/** Acts of operators where hosts share a ledger: withdraw, allow again, learn, audit, doctor. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Fleet } from '../world/fleet.js';
import { until } from '../world/waiting.js';

const QUICK = { options: { stabilitySeconds: 0.1, quietMs: 0 } };
const WHY = ['--reason', 'a test'];

async function joined(t: TestContext, names: readonly string[]): Promise<Fleet | undefined> {
  const fleet = await Fleet.create(t, names, QUICK);
  await fleet?.join();
  return fleet;
}

async function working(t: TestContext, names: readonly string[]): Promise<Fleet | undefined> {
  const fleet = await joined(t, names);
  fleet?.start();
  return fleet;
}

const conflicts = async (fleet: Fleet): Promise<number> => (await fleet.rows('SELECT 1 FROM conflicts')).length;

test('withdraw names the host that has the content; allow-again works on any host', async (t) => {
  const fleet = await working(t, ['a', 'b']);
  if (!fleet) return;
  const { world: a } = fleet.host('a');
  const { world: b } = fleet.host('b');
  const { sha256 } = a.drop('one.csv', 'one');
  b.drop('other.csv', 'other');
  await fleet.allDone();
  const withdraw = await fleet.ctl('b', ['withdraw', sha256, ...WHY], { code: 2 });
  assert.match(
    withdraw,
    /that content is stored by host a, as ingest_date=.*\/one\.csv in its warehouse: run it there\./,
  );
  const without = await b.run('ingest-ctl', ['withdraw', sha256, ...WHY]);
  assert.equal(without.code, 3);
  assert.match(without.stderr, /this state shares its ledger with other hosts \(.*\), so --shared-ledger must name it/);
  for (const _ of [1, 2])
    assert.match(
      await fleet.ctl('b', ['allow-again', sha256, ...WHY]),
      /is ingested once more, as its generation 2; host a has stored it$/,
    );
  b.drop('again.csv', 'one');
  await fleet.allDone();
  assert.deepEqual(
    b
      .ledger()
      .map(({ generation }) => generation)
      .sort(),
    [1, 2],
  );
  // At host a the newest generation is 2, so this allows the third.
  assert.match(await fleet.ctl('a', ['allow-again', sha256, ...WHY]), /as its generation 3$/);
  a.drop('third.csv', 'one');
  await fleet.allDone();
  assert.deepEqual(
    a
      .ledger()
      .map(({ generation }) => generation)
      .sort(),
    [1, 3],
  );
  a.drop('fourth.csv', 'one');
  await fleet.allDone();
  assert.equal(a.duplicates().length, 1);
  await fleet.stop();
});

test('a content that is stored twice after a restore is a finding at both hosts, until one host withdraws it', async (t) => {
  const fleet = await joined(t, ['a', 'b']);
  if (!fleet) return;
  const { world: a } = fleet.host('a');
  const { world: b } = fleet.host('b');
  await fleet.server.stop();
  const yesterday = fleet.server.copy();
  await fleet.server.begin();
  fleet.startOne(fleet.host('a'));
  const { sha256 } = a.drop('one.csv', 'one');
  await a.allDroppedDone();
  await fleet.stop();
  await fleet.server.stop();
  fleet.server.restore(yesterday);
  await fleet.server.begin();
  // b is the first to ask the restored ledger, which does not know the contents that a has stored.
  fleet.startOne(fleet.host('b'));
  b.drop('one.csv', 'one');
  await b.allDroppedDone();
  fleet.startOne(fleet.host('a'));
  await until('a has reported its contents again', async () => (await conflicts(fleet)) === 1);
  await fleet.toldAll();
  const audit = await a.run('ingest-ctl', ['audit', '--fleet', '--shared-ledger', fleet.server.url]);
  assert.equal(audit.code, 4);
  assert.match(
    audit.stdout,
    new RegExp(`^stored_twice +${sha256}: another host has stored it too; ingest-ctl withdraw one`, 'm'),
  );
  const said = await a.launch('queue-stat', ['--fleet', '--shared-ledger', fleet.server.url]).ended;
  assert.match(said.stdout.replace(/\s+/g, ' '), /notice: 1 contents are stored at two hosts/);
  await fleet.ctl('b', ['withdraw', sha256, ...WHY]);
  await until('the other host to be recorded as its owner', async () => (await conflicts(fleet)) === 0);
  const [row] = await fleet.rows<{ name: string }>('SELECT name FROM contents JOIN hosts ON id = host');
  assert.equal(row!.name, 'a');
  await fleet.toldAll();
  assert.match(await fleet.ctl('a', ['audit', '--fleet']), /^no difference/);
  await fleet.stop();
});

test('a learned content counts for all hosts; a content that another host has is not learned', async (t) => {
  const fleet = await working(t, ['a', 'b']);
  if (!fleet) return;
  const { world: a } = fleet.host('a');
  const { world: b } = fleet.host('b');
  a.drop('one.csv', 'one');
  b.drop('other.csv', 'other');
  await fleet.allDone();
  const loaded = join(b.root, 'loaded');
  mkdirSync(loaded);
  for (const name of ['one', 'two', 'three']) writeFileSync(join(loaded, name), name);
  assert.match(
    await fleet.ctl('b', ['learn', loaded]),
    /^2 contents learned for feed default \(.*\), 1 files with a content that was known, 1 of these at other hosts$/,
  );
  assert.match(await fleet.ctl('b', ['learn', loaded]), /^0 contents learned/);
  await fleet.toldAll();
  a.drop('two.csv', 'two');
  await fleet.allDone();
  assert.equal(a.duplicates().length, 1);
  assert.equal(await conflicts(fleet), 0);
  assert.match(await fleet.ctl('b', ['audit', '--fleet']), /^no difference/);
  await fleet.stop();
});

test('audit reports contents that are only in the shared ledger or only in this state; doctor reports what the server lacks', async (t) => {
  const fleet = await working(t, ['a']);
  if (!fleet) return;
  const { world } = fleet.host('a');
  for (const name of ['one', 'two']) world.drop(`${name}.csv`, name);
  await fleet.allDone();
  await fleet.stop();
  const flags = world.flags('ingest');
  const doctor = () => world.launch('ingest-ctl', ['doctor', ...flags, '--shared-ledger', fleet.server.url]).ended;
  const healthy = await doctor();
  // The test's own server runs without fsync, which costs seconds.
  assert.match(healthy.stdout, /^fail {2}shared ledger: fsync is off there: a loss of power can undo/m);
  assert.match(healthy.stdout, /^ok {4}shared ledger: this host is a there$/m);
  assert.match(healthy.stdout, /^warn {2}shared ledger: it has no synchronous standby/m);
  const [one] = await fleet.rows<{ sha256: string }>(
    "DELETE FROM contents WHERE target::text IS NOT NULL AND sha256 IN (SELECT sha256 FROM contents ORDER BY sha256 LIMIT 1) RETURNING encode(sha256, 'hex') AS sha256",
  );
  await fleet.rows(
    "INSERT INTO contents SELECT sha256('x'), feed, 1, host, 'j', gen_random_uuid(), 'stored', NULL, NULL, NULL, NULL, 1, now(), now() FROM contents LIMIT 1",
  );
  const { code, stdout } = await world.run('ingest-ctl', ['audit', '--fleet', '--shared-ledger', fleet.server.url]);
  assert.equal(code, 4);
  assert.match(
    stdout,
    new RegExp(`^shared_row_missing +${one!.sha256}: it is stored here, and the shared ledger does not`, 'm'),
  );
  assert.match(stdout, /^shared_row_unknown +[0-9a-f]{64}: the shared ledger counts it as stored here/m);
  await fleet.ctl('a', ['host', 'join', 'a']);
  await fleet.ctl('a', ['host', 'lost', '--yes']);
  assert.match(await fleet.ctl('a', ['audit', '--fleet']), /^no difference/);
});
