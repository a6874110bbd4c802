/** Three hosts with directories, states and processes of their own, and one PostgreSQL: each content is stored at one of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fleet, untoldOf } from '../world/fleet.js';
import { ctl } from '../world/jobs.js';
import { stays, until } from '../world/waiting.js';
import { createWorld } from '../world/world.js';

test('a content that is dropped at several hosts at once is stored at one of them and a duplicate at the others', async (t) => {
  const fleet = await Fleet.create(t, ['a', 'b', 'c']);
  if (!fleet) return;
  await fleet.join();
  for (let n = 0; n < 60; n++) {
    const content = `content ${n}\n`;
    if (n % 3 === 0) for (const { world } of fleet.hosts) world.drop(`f${n}.csv`, content);
    else fleet.hosts[n % 3]!.world.drop(`f${n}.csv`, content);
  }
  fleet.start();
  await fleet.allDone();
  await fleet.stop();
  fleet.check();
  const duplicates = fleet.hosts.flatMap(({ world }) => world.duplicates());
  assert.equal(duplicates.length, 40);
  const [first] = fleet.hosts.flatMap(({ world }) => world.log.named('file_skipped_duplicate'));
  assert.match(String(first!.host), /^[abc]$/);
});

test('a new content costs one question and two messages, a thousand of them a few', async (t) => {
  const fleet = await Fleet.create(t, ['a'], { options: { stabilitySeconds: 0, quietMs: 0 } });
  if (!fleet) return;
  await fleet.join();
  const { world, proxy, url } = fleet.host('a');
  // A batch has the files that were hashed until then, and a busy machine would have small ones.
  await ctl(world, 'pause', 'share');
  for (let n = 0; n < 1_000; n++) world.drop(`f${n}.csv`, `content ${n}\n`);
  const service = fleet.startOne(fleet.host('a'));
  const isHashed = () => world.jobs().filter(({ stage }) => stage === 'share').length === 1_000;
  await until('all are hashed', isHashed);
  await service.stop();
  await ctl(world, 'resume', 'share');
  const before = proxy.statements;
  await world.runOnce(['--shared-ledger', url]);
  assert.equal(untoldOf(world.statePath), 0, 'the outbox is empty at its end');
  // Each process registers, sends a heartbeat and sweeps at its start.
  const many = proxy.statements - before;
  t.diagnostic(`${many} statements for 1,000 files and a start`);
  assert.ok(many >= 3 && many <= 30, `${many} statements`);
  fleet.startOne(fleet.host('a'));
  await until('it has connected', () => proxy.open > 0);
  await stays('its start is over', () => true, 1_500);
  const costs: number[] = [];
  // A sign of life may come beside one of them.
  for (let n = 0; n < 3; n++) {
    const from = proxy.statements;
    world.drop(`one ${n}.csv`, `one ${n}`);
    await fleet.allDone();
    costs.push(proxy.statements - from);
  }
  assert.ok(Math.min(...costs) >= 2 && Math.min(...costs) <= 4, `${costs} statements for one file each`);
  await fleet.stop();
  fleet.check();
});

test('without --shared-ledger pg is not loaded, and need not be there; with it, its absence is said', async (t) => {
  const world = createWorld(t);
  const env = { NODE_OPTIONS: `--import=${new URL('./without-pg.js', import.meta.url).href}` };
  world.drop('one.csv', 'one');
  await world.runOnce([], { env });
  assert.equal(world.warehouse().length, 1);
  const nowhere = 'postgres://ingest@127.0.0.1:1/none';
  const { code, stderr } = await world.run('ingest-ctl', ['host', 'join', 'a', '--shared-ledger', nowhere], { env });
  assert.equal(code, 3);
  assert.match(stderr, /--shared-ledger needs the package pg, which is not installed here: npm install pg/);
});

test("duplicates of another host's contents are pruned: their finished job is the proof", async (t) => {
  const fleet = await Fleet.create(t, ['a', 'b'], { options: { stabilitySeconds: 0, quietMs: 0 } });
  if (!fleet) return;
  await fleet.join();
  for (const { world, url } of fleet.hosts) {
    world.drop('one.csv', 'one');
    await world.runOnce(['--shared-ledger', url]);
  }
  const { world } = fleet.host('b');
  assert.equal(world.duplicates().length, 1);
  const { code, stdout, stderr } = await world.run('ingest-ctl', ['prune', '--keep-duplicates', '0m']);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /1 files? /);
  assert.deepEqual(world.duplicates(), []);
});

test('a copy of a content that another host withdrew is kept: it may be the last one', async (t) => {
  const fleet = await Fleet.create(t, ['a', 'b'], { options: { stabilitySeconds: 0, quietMs: 0 } });
  if (!fleet) return;
  await fleet.join();
  const [a, b] = fleet.hosts;
  a!.world.drop('one.csv', 'one');
  await a!.world.runOnce(['--shared-ledger', a!.url]);
  assert.equal((await a!.world.run('ingest-ctl', ['withdraw', 'one.csv', '--reason', 'wrong'])).code, 0);
  await a!.world.runOnce(['--shared-ledger', a!.url]);
  for (const name of ['one.csv', 'two.csv']) b!.world.drop(name, 'one');
  await b!.world.runOnce(['--shared-ledger', b!.url]);
  const { code, stderr } = await b!.world.run('ingest-ctl', ['prune', '--keep-duplicates', '0m']);
  assert.equal(code, 0, stderr);
  assert.equal(b!.world.duplicates().length, 2);
  assert.deepEqual(
    b!.world.log.named('file_skipped_duplicate').map(({ note }) => note),
    ['withdrawn', 'withdrawn'],
  );
});
