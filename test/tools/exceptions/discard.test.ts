/** `discard` of a file that had its line when its process died: what may have been delivered is not given up. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Acts } from '../../../src/service/dashboard/held/acts.js';
import { discardJobs } from '../../../src/tools/exceptions/discard.js';
import { Bench } from '../../ingest/stages/bench.js';
import { dashboardAlone } from '../../service/dashboard/served.js';
import { editDatabase } from '../../world/database.js';
import { holdReady } from '../../world/hand.js';
import { workDirOf } from '../../world/layout.js';
import { asSomebody } from '../../world/users.js';

interface Died {
  bench: Bench;
  id: string;
  content: Buffer;
  /** Its absolute target. */
  target: string;
}

/** The file has its line, and its process dies at that transaction of the move. */
async function diedInMove(t: TestContext, diesAt: number): Promise<Died> {
  const bench = await Bench.open();
  t.after(() => bench.close());
  const content = bench.world.content(1_000);
  await bench.arrive(bench.world.drop('a.csv', content));
  for (const stage of ['verify-complete', 'hash', 'manifest']) await bench.step(stage, 9);
  const { id } = bench.world.jobs()[0]!;
  if (diesAt > 0) await bench.step('move', 9, diesAt);
  const target = bench.world.manifest()[0]!.record!.warehouse_path;
  return { bench, id, content, target };
}

async function discarded({ bench, id }: Died): Promise<{ isGivenUp: boolean; delivered: string[] }> {
  assert.equal(await holdReady(bench.backend, [id], 'eacces'), 1);
  const delivered: string[] = [];
  const [isGivenUp] = await discardJobs(bench.backend, [id], (_, as) => delivered.push(as));
  await bench.step('move', 9);
  await bench.step('move', 9);
  return { isGivenUp: isGivenUp!, delivered };
}

async function sentAgain({ bench, content }: Died): Promise<string | null> {
  await bench.arrive(bench.world.drop('again.csv', content));
  for (let round = 0; round < 2; round++)
    for (const stage of ['verify-complete', 'hash', 'manifest', 'move']) await bench.step(stage, 9);
  return bench.world.jobs().find(({ key }) => key === 'again.csv')!.ending;
}

/** As its ledger has it. */
const statesOf = ({ bench }: Died) =>
  bench.backend.read((r) => r.all<{ state: string }>('SELECT state FROM contents')).map(({ state }) => state);

for (const now of ['nothing', 'another file'] as const)
  test(`renamed before a crash and taken by a consumer, it is recorded as stored, with ${now} at its target`, async (t) => {
    const died = await diedInMove(t, 1);
    assert.ok(existsSync(died.target), 'the crash came after the rename');
    rmSync(died.target);
    if (now === 'another file') writeFileSync(died.target, 'a stranger');
    assert.deepEqual(await discarded(died), { isGivenUp: false, delivered: ['unconfirmed'] });
    assert.deepEqual(
      died.bench.world.jobs().map(({ ending }) => ending),
      ['stored'],
    );
    assert.deepEqual(statesOf(died), ['unconfirmed']);
    assert.equal(await sentAgain(died), 'duplicate');
    if (now === 'another file') assert.equal(readFileSync(died.target, 'utf8'), 'a stranger');
  });

test('renamed before a crash and still at its target, it is recorded as stored', async (t) => {
  const died = await diedInMove(t, 1);
  assert.deepEqual(await discarded(died), { isGivenUp: false, delivered: ['stored'] });
  assert.deepEqual(statesOf(died), ['stored']);
  assert.equal(await sentAgain(died), 'duplicate');
});

test('discarded on the page while at its target, it is not counted as given up, and the answer says why', async (t) => {
  const { bench, id } = await diedInMove(t, 1);
  assert.equal(await holdReady(bench.backend, [id], 'eacces'), 1);
  const done = await new Acts(bench.backend, () => {}).do({ verb: 'discard', chosen: {}, by: 'a test' });
  const sentence = `0 files given up. The file of ${id} is in the warehouse already, so it is recorded as stored instead.`;
  assert.deepEqual(done, { files: 0, sentence });
});

/** A batch of held files of which nothing lies in a warehouse, and then one that may lie in a warehouse which is not mounted. */
async function lastOfManyUnusable(t: TestContext): Promise<Bench> {
  const { bench, id } = await diedInMove(t, 1);
  const { world } = bench;
  assert.equal(await holdReady(bench.backend, [id], 'eacces'), 1);
  editDatabase(world.statePath, (db) =>
    db.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
      INSERT INTO jobs (id, feed, key, identity, stage, state, due_ms, keyed, bytes, payload, hold_code, reason, created_ms, updated_ms, trail)
      SELECT printf('00J%023d', i), feed, CAST(i AS BLOB), identity, 'verify-complete', state, due_ms, 0, bytes, '{}', hold_code,
        reason, created_ms, updated_ms, trail FROM n, (SELECT * FROM jobs WHERE state = 'held')`),
  );
  rmSync(join(world.feed().warehouse, '.ingest-root'));
  return bench;
}

test('an unusable warehouse ends a discard on the page: the answer and the log say how many were given up before', async (t) => {
  const { world } = await lastOfManyUnusable(t);
  const served = await dashboardAlone(world);
  const { status, body } = await served.change('discard', { all: true });
  assert.equal(status, 503, body);
  const { error, sentence } = JSON.parse(body) as { error: string; sentence: string };
  assert.equal(error, 'root_unusable');
  assert.match(sentence, /^500 files given up\. .+, and it may have the file already; discard it then\.$/);
  const act = await world.event('operator_act');
  assert.deepEqual([act.verb, act.files], ['discard', 500]);
  assert.equal(world.jobs().filter(({ state }) => state === 'held').length, 1);
});

test('an unusable warehouse ends a discard in the shell: it says how many were given up before', async (t) => {
  const { world } = await lastOfManyUnusable(t);
  const { code, stderr } = await world.run('ingest-ctl', ['discard', '--all']);
  assert.equal(code, 3, stderr);
  assert.match(
    stderr,
    /^ingest-ctl discard: 500 files are given up, then it failed:\n.+, and it may have the file already; /,
  );
});

test('a folder of its target that may not be entered: it stays held, and the sentence says why', async (t) => {
  const died = await diedInMove(t, 1);
  const { bench, id, target } = died;
  assert.equal(await holdReady(bench.backend, [id], 'eacces'), 1);
  chmodSync(bench.world.root, 0o755);
  chmodSync(dirname(target), 0);
  const said = { code: 'root_unusable', message: /^EACCES: .+, and it may have the file already/ };
  try {
    await asSomebody(() => assert.rejects(discardJobs(bench.backend, [id]), said));
  } finally {
    chmodSync(dirname(target), 0o755);
  }
  assert.equal(bench.world.jobs()[0]!.state, 'held');
});

test('still in the work directory after a crash, it is given up, and its content is free', async (t) => {
  const died = await diedInMove(t, 0);
  await died.bench.backend.claim('move', 9);
  await died.bench.die(); // before its rename
  assert.deepEqual(await discarded(died), { isGivenUp: true, delivered: [] });
  assert.equal(died.bench.world.failed().length, 1);
  assert.equal(await sentAgain(died), 'stored');
});

test('given up, and then a late call of a dead process brings it to its target: it is taken out of the warehouse', async (t) => {
  const died = await diedInMove(t, 0);
  const { bench, id, target } = died;
  await bench.backend.claim('move', 9);
  await bench.die();
  assert.equal(await holdReady(bench.backend, [id], 'eacces'), 1);
  assert.deepEqual(await discardJobs(bench.backend, [id]), [true]);
  const under = join(workDirOf(bench.world.feed()), 'underprocess');
  mkdirSync(dirname(target), { recursive: true });
  renameSync(join(under, readdirSync(under)[0]!), target);
  for (let round = 0; round < 2; round++) await bench.step('move', 9);
  assert.equal(existsSync(target), false);
  assert.equal(bench.world.failed().length, 1);
  assert.equal(await sentAgain(died), 'stored');
});

test('taken out of the work directory by somebody else before any move, it is given up', async (t) => {
  const died = await diedInMove(t, 0);
  const under = join(workDirOf(died.bench.world.feed()), 'underprocess');
  for (const name of readdirSync(under)) rmSync(join(under, name));
  await died.bench.step('move', 9);
  assert.equal(died.bench.world.jobs()[0]!.hold_code, 'sealed_file_missing');
  const [isGivenUp] = await discardJobs(died.bench.backend, [died.id]);
  assert.equal(isGivenUp, true);
});
