/** A host joins: contents that it had stored before count for the others. State and option must agree, or no work begins. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fleet } from '../world/fleet.js';
import { createWorld } from '../world/world.js';

const WITHOUT_PG = new URL('../fleet/without-pg.js', import.meta.url).href;
const NOWHERE = 'postgres://ingest@127.0.0.1:1/postgres';

test('two hosts with ledgers of years join: each knows what the other has; what both had is counted', async (t) => {
  const fleet = await Fleet.create(t, ['a', 'b']);
  if (!fleet) return;
  const [a, b] = fleet.hosts.map(({ world }) => world) as [Fleet['hosts'][0]['world'], Fleet['hosts'][0]['world']];
  for (let n = 0; n < 5; n++) a.drop(`a${n}.csv`, `of a ${n}`);
  for (const world of [a, b]) world.drop('both.csv', 'of both');
  await a.runOnce();
  await b.runOnce();
  const join = (name: string, ...more: string[]) => fleet.ctl(name, ['host', 'join', name, ...more]);
  assert.equal(await join('a'), 'a has joined. Contents sent: 6; stored at other hosts too: 0.');
  const asked = await fleet.ctl('b', ['host', 'join', 'b'], { code: 4 });
  assert.match(
    asked,
    /other hosts have 6 contents in a feed default, and this host has a feed of that name: .* add --yes;/,
  );
  assert.equal(await join('b', '--yes'), 'b has joined. Contents sent: 1; stored at other hosts too: 1.');
  assert.equal(await join('b'), 'b has joined. Contents sent: 1; stored at other hosts too: 1.', 'again');
  fleet.start();
  b.drop('late.csv', 'of a 3');
  await fleet.allDone();
  const told = await b.event('file_skipped_duplicate');
  assert.deepEqual([told.host, told.kept], ['a', true]);
  assert.match(String(told.duplicate_of), /^ingest_date=[\d-]+\/a3\.csv$/);
  const { stdout } = await b.run('ingest-ctl', ['explain', `${b.input}/late.csv`]);
  assert.match(stdout, /at host a, as ingest_date=[\d-]+\/a3\.csv/);
  const { sha256 } = fleet.host('a').world.drop('later.csv', 'at a alone');
  await fleet.allDone();
  await fleet.toldAll();
  assert.match(await fleet.ctl('b', ['explain', sha256]), /Host a has stored it \(feed default\) as .+\/later\.csv\./);
  const nobody = await b.run('ingest-ctl', ['explain', '0'.repeat(64), '--shared-ledger', fleet.host('b').url]);
  assert.equal(nobody.code, 4, nobody.stderr);
  assert.match(nobody.stdout, /No other host that shares the ledger knows it\./);
  await fleet.stop();
});

test('a duplicate of what another host has is kept, also with --on-duplicate delete', async (t) => {
  const fleet = await Fleet.create(t, ['a', 'b'], { options: { onDuplicate: 'delete' } });
  if (!fleet) return;
  await fleet.join();
  fleet.start();
  fleet.host('a').world.drop('one.csv', 'one');
  await fleet.allDone();
  const { world: b } = fleet.host('b');
  // A file of the same size at the path where the other host has its file.
  b.drop('one.csv', 'two');
  await fleet.allDone();
  b.drop('again.csv', 'one');
  await fleet.allDone();
  assert.equal(b.duplicates().length, 1);
  await fleet.stop();
});

test('a state that has joined is not worked on without its shared ledger, and one that has not is not with it', async (t) => {
  const fleet = await Fleet.create(t, ['a']);
  if (!fleet) return;
  const { world, url } = fleet.host('a');
  const first = await world.run('ingest', ['--once', '--shared-ledger', url]);
  assert.equal(first.code, 3);
  assert.match(
    first.stderr,
    /--shared-ledger needs a host that has joined, but the state .* has not: run ingest-ctl host join/,
  );
  await fleet.join();
  const without = await world.run('ingest', ['--once']);
  assert.equal(without.code, 3);
  assert.match(
    without.stderr,
    /this state shares its ledger with other hosts \(127\.0\.0\.1:\d+\/postgres\), so --shared-ledger/,
  );
  world.drop('one.csv', 'one');
  await world.runOnce(['--shared-ledger', url]);
  fleet.check();
});

test('without --shared-ledger pg is not loaded, and need not be there; with it, its absence is said', async (t) => {
  const world = createWorld(t);
  const env = { NODE_OPTIONS: `--import=${WITHOUT_PG}` };
  world.drop('one.csv', 'one');
  await world.runOnce([], { env });
  assert.equal(world.warehouse().length, 1);
  const { code, stderr } = await world.run('ingest-ctl', ['host', 'join', 'a', '--shared-ledger', NOWHERE], { env });
  assert.equal(code, 3);
  assert.match(stderr, /--shared-ledger needs the package pg, which is not installed here: npm install pg\./);
});

test('a join that cannot reach the database says where it is and why', async (t) => {
  const world = createWorld(t);
  const { code, stderr } = await world.run('ingest-ctl', ['host', 'join', 'a', '--shared-ledger', NOWHERE]);
  assert.equal(code, 3);
  assert.match(
    stderr,
    /the shared ledger 127\.0\.0\.1:1\/postgres: connect ECONNREFUSED 127\.0\.0\.1:1 \(ECONNREFUSED\)\.$/m,
  );
});
