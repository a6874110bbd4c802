/** Events in the life of hosts that share a ledger: the database is away or restored, a carrier is held, a content is repeated, a state is copied. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { BY_COUNTRY, broken } from '../world/chains.js';
import type { JobRow } from '../world/database.js';
import type { HeardEvent } from '../world/event-log.js';
import { Fleet, type FleetHost } from '../world/fleet.js';
import { stays, until } from '../world/waiting.js';

const QUICK = { options: { stabilitySeconds: 0.1, quietMs: 0 } };
const MIB = 1 << 20;

async function joined(t: TestContext, names: readonly string[], options = QUICK): Promise<Fleet | undefined> {
  const fleet = await Fleet.create(t, names, options);
  await fleet?.join();
  return fleet;
}

/** The bytes that the processes of a host have read so far, from files and everything else. */
const bytesRead = ({ world }: FleetHost): number =>
  world.programs
    .filter(({ running }) => running)
    .flatMap((program) => program.descendants())
    .reduce((sum, pid) => sum + Number(/rchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))![1]), 0);

/** How long the database is away, in seconds. Longer by hand: `AWAY_SECONDS=600 node --test dist/test/scenarios/fleet-life.test.js`. */
const AWAY_MS = 1000 * Number(process.env.AWAY_SECONDS ?? 20);

test('the database is away under load: files are sealed, and read once; lines and moves go on; no attempt is spent; all goes on when it is back', {
  timeout: AWAY_MS + 100_000,
}, async (t) => {
  const fleet = await joined(t, ['a']);
  if (!fleet) return;
  const [host] = fleet.hosts as [FleetHost];
  const { world } = host;
  fleet.start();
  world.drop('before.csv', 'before');
  await world.stored(1);
  await world.run('ingest-ctl', ['pause', 'manifest']);
  for (let n = 0; n < 5; n++) world.drop(`hashed${n}.csv`, `hashed ${n}`);
  await until('they are hashed', () => world.jobs().filter(({ stage }) => stage === 'manifest').length === 5);
  const before = bytesRead(host);
  await fleet.server.stop('immediate');
  // The first files are hashed before the outage is noticed; the others are only sealed.
  for (let n = 0; n < 10; n++) world.drop(`f${n}.csv`, world.content(4 * MIB));
  const { reason } = await world.event('gate_closed', ({ place }) => place === 'ledger');
  assert.match(String(reason), /^the shared ledger 127\.0\.0\.1:\d+\/postgres/);
  const isSealed = ({ stage, state }: JobRow) => stage === 'hash' && state === 'ready';
  const since = performance.now();
  await world.run('ingest-ctl', ['resume', 'manifest']);
  await world.stored(6);
  let late = 0;
  await until(
    'it was away for long',
    () => {
      world.drop(`late${late++}.csv`, `late ${late}`);
      return performance.now() - since > AWAY_MS;
    },
    { everyMs: 200 },
  );
  await until('all are sealed', () => world.jobs().filter(isSealed).length === 10 + late);
  assert.ok(
    world.jobs().some((job) => isSealed(job) && job.payload.sha256 !== undefined),
    'one is hashed',
  );
  await fleet.server.begin();
  await fleet.allDone();
  const read = bytesRead(host) - before;
  assert.ok(read >= 40 * MIB && read < 60 * MIB, `${read} bytes were read of 40 MiB`);
  assert.ok(world.jobs().every(({ attempts }) => attempts === 0));
  await fleet.stop();
  fleet.check();
});

test('a carrier that is held is named at the host that waits for it, and its discard hands the content on', async (t) => {
  const fleet = await joined(t, ['a', 'b'], { feeds: { orders: { options: { process: BY_COUNTRY } } } } as never);
  if (!fleet) return;
  const { world: a } = fleet.host('a');
  const { world: b } = fleet.host('b');
  fleet.start();
  const text = broken('x');
  a.drop('a.csv', text);
  await until('it is held at a', () => a.jobs().some(({ state }) => state === 'held'));
  b.drop('b.csv', text);
  const why = () => b.jobs()[0]?.reason ?? '';
  const known = /^content carried by host a, held there since 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ: header_differs$/;
  await until('b knows why it waits', () => known.test(why()), { soFar: why });
  assert.equal(b.jobs()[0]!.attempts, 0);
  const explained = await b.run('ingest-ctl', ['explain', `${b.input}/b.csv`]);
  assert.match(
    explained.stdout,
    /Its content is on its way at another host: content carried by host a, held there since [^ ]+Z: header_differs\./,
  );
  const { code, stderr } = await a.run('ingest-ctl', ['discard', '--all']);
  assert.equal(code, 0, stderr);
  await until('it is b that has it', () => b.jobs()[0]!.hold_code === 'header_differs', { withinMs: 90_000 });
  await fleet.stop();
});

test('a content that may come again comes at another host, once', async (t) => {
  const fleet = await joined(t, ['a', 'b']);
  if (!fleet) return;
  const { world: a } = fleet.host('a');
  const { world: b } = fleet.host('b');
  fleet.start();
  const { sha256 } = a.drop('first.csv', 'content');
  await fleet.allDone();
  await fleet.ctl('a', ['allow-again', sha256, '--reason', 'lost downstream']);
  await fleet.toldAll();
  b.drop('again.csv', 'content');
  await fleet.allDone();
  assert.deepEqual(
    b.ledger().map(({ generation, state }) => [generation, state]),
    [[2, 'stored']],
  );
  a.drop('third.csv', 'content');
  await fleet.allDone();
  assert.equal(a.duplicates().length, 1);
  await fleet.stop();
});

test('--same-content-again-after counts from when it was stored anywhere to when the file arrived', async (t) => {
  const fleet = await joined(t, ['a', 'b'], { options: { ...QUICK.options, sameContentAgainAfter: '3s' } } as never);
  if (!fleet) return;
  const { world: a } = fleet.host('a');
  const { world: b } = fleet.host('b');
  fleet.start();
  a.drop('first.csv', 'content');
  await fleet.allDone();
  await b.run('ingest-ctl', ['pause', 'hash']);
  b.drop('early.csv', 'content');
  await until('it is sealed', () => b.jobs()[0]?.stage === 'hash');
  await stays('the time is over', () => true, 4_000);
  await b.run('ingest-ctl', ['resume', 'hash']);
  await fleet.allDone();
  assert.equal(b.duplicates().length, 1, 'it came before the time was over');
  b.drop('late.csv', 'content');
  await fleet.allDone();
  assert.deepEqual(
    b.ledger().map(({ generation, state }) => [generation, state]),
    [[2, 'stored']],
  );
  await fleet.stop();
});

test('a database that was restored to an older moment gets all changes again before it is asked', async (t) => {
  const fleet = await joined(t, ['a', 'b']);
  if (!fleet) return;
  const { world: a } = fleet.host('a');
  const { world: b } = fleet.host('b');
  fleet.start();
  a.drop('old.csv', 'old');
  await fleet.allDone();
  await fleet.server.stop();
  const copy = fleet.server.copy();
  await fleet.server.begin();
  for (let n = 0; n < 5; n++) a.drop(`new${n}.csv`, `new ${n}`);
  await fleet.allDone();
  await fleet.server.stop();
  fleet.server.restore(copy);
  await fleet.server.begin();
  const told = await a.event('shared_ledger_told_again', undefined, { withinMs: 30_000 });
  assert.deepEqual([told.contents, told.stored_twice], [6, 0]);
  for (let n = 0; n < 5; n++) b.drop(`new${n}.csv`, `new ${n}`);
  await fleet.allDone();
  assert.equal(b.duplicates().length, 5);
  await fleet.stop();
  fleet.check();
  await fleet.checkShared();
});

test('a copy of a state is not let in beside the first one', async (t) => {
  const fleet = await joined(t, ['a']);
  if (!fleet) return;
  const { world, url } = fleet.host('a');
  const [first] = fleet.start();
  world.drop('one.csv', 'one');
  await fleet.allDone();
  await first!.stop();
  const copied = join(world.root, 'copied');
  cpSync(dirname(world.statePath), copied, { recursive: true });
  fleet.startOne(fleet.host('a'));
  const copy = world.launch('ingest-worker', ['--shared-ledger', url, '--state-path', join(copied, 'state.db')]);
  const refused = ({ code }: HeardEvent) => code === 'host_id_taken';
  const { reason } = await world.event('shared_ledger_away', refused, { withinMs: 60_000 });
  assert.match(String(reason), /it lives at another place \(.*\)\. Is this state a copy\?/);
  await copy.stop();
  await fleet.stop();
});

test('a host that is rolled back, state, warehouse and all, asks nothing and says so', async (t) => {
  const fleet = await joined(t, ['a', 'b']);
  if (!fleet) return;
  const { world: a } = fleet.host('a');
  const { world: b } = fleet.host('b');
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
  fleet.startOne(fleet.host('a'));
  a.drop('two.csv', 'two');
  const isSo = ({ code }: HeardEvent) => code === 'host_rolled_back';
  const { reason } = await a.event('gate_closed', isSo, { withinMs: 90_000 });
  assert.match(String(reason), /has more entries of this host \(.*\) than its state: the state is an older copy/);
  assert.equal(a.warehouse().length, 1);
  b.drop('two.csv', 'two');
  await until('b knows that a has it', () => b.duplicates().length === 1);
  await fleet.stop();
});
