/**
 * `ingest-ctl rebuild` over a state that was restored from a backup: it keeps the rows that the disk does not contradict, adds
 * what only the disk knows, and decides contradictions so that nothing is lost and nothing is stored twice.
 * Random moments: rebuild-older-random.test.ts.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { editDatabase } from '../../world/database.js';
import { ctl, done, held, readyFor, waiting } from '../../world/jobs.js';
import { workDirOf } from '../../world/layout.js';
import { backedUp, dropAgain, rebuilt, restore, stateFiles, stoppedBefore, stoppedInMount } from '../../world/lost.js';
import { makeBefore, sharedIn } from '../../world/state-before.js';
import { rowsOf } from '../../world/state-by-hand.js';
import { skipUnlessRoot } from '../../world/users.js';
import { createWorld, type World } from '../../world/world.js';

/** No quiet window: a file is sealed at once. */
const AT_ONCE = { stabilitySeconds: 0, quietMs: 0 };

/** A line that an earlier backup does not know. */
async function newerLine(world: World): Promise<void> {
  world.drop('newer.csv', 77);
  await world.runOnce([], { code: world.held.size > 0 ? 4 : 0 });
}

const jobOf = (world: World, name: string) =>
  world
    .jobs()
    .filter(({ key }) => key === name)
    .at(-1)!;

test('holds with reasons and attempts, pauses, learned contents and ended jobs are kept', async (t) => {
  const world = createWorld(t, { options: { ...AT_ONCE, mode: 'sidecar' } });
  const loaded = join(world.root, 'loaded');
  mkdirSync(loaded);
  writeFileSync(join(loaded, 'old.csv'), 'loaded by other means');
  for (const [name, digest] of [
    ['held.csv', '0'.repeat(64)],
    ['first.csv', ''],
  ] as const) {
    const dropped = world.drop(name, 100);
    world.sidecar(name, digest);
    if (digest !== '') world.held.add(dropped.sha256);
  }
  world.drop('twin.csv', readFileSync(join(world.input, 'first.csv')));
  world.sidecar('twin.csv');
  await world.runOnce([], { code: 4 });
  await ctl(world, 'learn', loaded);
  await ctl(world, 'pause', 'hash', '--feed', 'default');
  editDatabase(world.statePath, (db) => db.exec("UPDATE jobs SET attempts = 5, crashes = 2 WHERE state = 'held'"));
  const before = { jobs: world.jobs(), gates: world.gates(), counters: world.database()!.counters };
  const older = backedUp(world);
  await ctl(world, 'resume', 'hash', '--feed', 'default');
  world.drop('newer.csv', 77);
  world.sidecar('newer.csv');
  await world.runOnce([], { code: 4 });
  restore(world, older);

  const { stdout } = await rebuilt(world);
  assert.match(stdout, /1 already in the older state/);
  assert.match(stdout, /1 stored, their files are in the warehouse/);
  assert.match(stdout, /1 jobs of the older state are as they were, 1 of them held/);
  assert.match(stdout, /What nobody can know any more, of the time after 20/);
  const claims = ({ claim_no: _, ...rest }: World['jobs'] extends () => (infer Row)[] ? Row : never) => rest;
  assert.deepEqual(world.jobs().map(claims), before.jobs.map(claims));
  assert.deepEqual(world.gates(), before.gates);
  await ctl(world, 'resume', 'hash', '--feed', 'default');
  world.drop('learnt-again.csv', 'loaded by other means');
  world.sidecar('learnt-again.csv');
  await world.runOnce([], { code: 4 });
  assert.equal(world.manifest().length, 2, 'the learned content is still a duplicate');
  assert.equal(jobOf(world, 'learnt-again.csv').ending, 'duplicate');
});

test('jobs that ended since the backup are ended, from any stage: stored, taken by a consumer, duplicate, deleted', async (t) => {
  for (const onDuplicate of ['archive', 'delete'] as const) {
    const world = createWorld(t, { options: { ...AT_ONCE, onDuplicate } });
    const bytes = world.content(500);
    await stoppedBefore(
      world,
      'manifest',
      () => {
        world.drop('stored.csv', bytes);
        world.drop('taken.csv', 120);
      },
      2,
    );
    const program = world.start('ingest');
    world.drop('twin.csv', bytes);
    await waiting(world, 'twin.csv');
    await program.stop();
    const older = backedUp(world);
    await ctl(world, 'resume', 'manifest');
    await newerLine(world);
    const taken = world.manifest().find(({ record }) => record!.path.endsWith('/taken.csv'))!;
    world.taken.add(taken.record!.warehouse_path.slice(world.feed().warehouse.length + 1) as never);
    rmSync(taken.record!.warehouse_path);
    const lines = world.manifest().map(({ raw }) => raw);
    restore(world, older);
    const { stdout } = await rebuilt(world);
    assert.match(stdout, /3 jobs of the older state have ended since/, onDuplicate);
    assert.equal(world.ledger().find(({ sha256 }) => sha256 === taken.record!.sha256)?.state, 'unconfirmed');
    await ctl(world, 'resume', 'manifest');
    await world.runOnce();
    world.check();
    assert.deepEqual(
      world.manifest().map(({ raw }) => raw),
      lines,
    );
    assert.deepEqual(
      ['stored.csv', 'taken.csv', 'twin.csv'].map((name) => jobOf(world, name).ending),
      ['stored', 'stored', 'duplicate'],
    );
  }
});

test('a planned append of the older state is written once if its line is missing, and not twice', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await stoppedBefore(world, 'move', () => ['there.csv', 'lost.csv'].map((name) => world.drop(name, 100)), 2);
  const older = backedUp(world);
  const program = world.start('ingest');
  await world.event('worker_started');
  world.drop('newer.csv', 77);
  await readyFor(world, 'newer.csv', 'move');
  await program.stop();
  const [file] = world.manifest().map((line) => join(world.feed().manifests, line.file));
  const line = (name: string) => world.manifest().find(({ record }) => record!.path.endsWith(`/${name}`))!.raw;
  // The state is between plan and confirmation, and one of the two lines never reached the disk.
  editDatabase(older, (db) => {
    db.exec("UPDATE contents SET state = 'carried'; UPDATE jobs SET stage = 'manifest'; DELETE FROM manifest_ends");
    db.prepare(
      "INSERT INTO appends (feed, file, inode, at, bytes, items, owner) VALUES ('default', ?, 1, 0, ?, ?, 1)",
    ).run(...[file, Buffer.from(readFileSync(file!)), JSON.stringify({ rows: [1, 2], jobs: [] })]);
  });
  writeFileSync(file!, ['there.csv', 'newer.csv'].map((name) => `${line(name)}\n`).join(''));
  restore(world, older);
  await rebuilt(world);
  assert.deepEqual(
    ['there.csv', 'lost.csv'].map((name) => jobOf(world, name).stage),
    ['move', 'manifest'],
  );
  await ctl(world, 'resume', 'move');
  await world.runOnce();
  world.check();
  assert.equal(world.manifest().length, 3);
});

test('a line for a missing file is never written: its job is held', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  const gone = await (async () => {
    await stoppedBefore(world, 'manifest', () => world.drop('gone.csv', 100), 1);
    return world.dropped[0]!;
  })();
  const older = backedUp(world);
  await ctl(world, 'resume', 'manifest');
  await newerLine(world);
  // An operator has removed its line and its file.
  const { record, file } = world.manifest().find(({ record }) => record!.sha256 === gone.sha256)!;
  const manifest = join(world.feed().manifests, file);
  writeFileSync(
    manifest,
    readFileSync(manifest, 'utf8')
      .split('\n')
      .filter((raw) => !raw.includes(gone.sha256))
      .join('\n'),
  );
  rmSync(record!.warehouse_path);
  restore(world, older);
  await rebuilt(world);
  await ctl(world, 'resume', 'manifest');
  await world.runOnce([], { code: 4 });
  assert.equal(jobOf(world, 'gone.csv').hold_code, 'sealed_file_missing');
  assert.equal(world.manifest().length, 1);
});

test('a file discarded since stays discarded; its withdrawn content can be stored once more', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  const bytes = world.content(300);
  await stoppedBefore(
    world,
    'move',
    () => ['pending.csv', 'since.csv'].map((name, n) => world.drop(name, n === 0 ? 90 : bytes)),
    2,
  );
  for (const { record } of world.manifest()) {
    mkdirSync(dirname(record!.warehouse_path), { recursive: true });
    writeFileSync(record!.warehouse_path, 'somebody else was quicker');
  }
  await ctl(world, 'resume', 'move');
  const program = world.start('ingest');
  for (const name of ['pending.csv', 'since.csv']) await held(world, name, 'target_taken');
  await program.stop();
  // One is discarded before the backup, with the daemons down, so its correction is not written yet. The other is discarded later.
  await ctl(world, 'discard', jobOf(world, 'pending.csv').id);
  const older = backedUp(world);
  await ctl(world, 'discard', jobOf(world, 'since.csv').id);
  for (const { sha256 } of world.dropped) world.discarded.add(sha256);
  await newerLine(world);
  const corrected = () =>
    readFileSync(join(dirname(join(world.feed().manifests, world.manifest()[0]!.file)), 'corrections.jsonl'), 'utf8');
  const before = corrected();
  restore(world, older);
  const { stdout } = await rebuilt(world);
  assert.match(stdout, /2 withdrawn/);
  await world.runOnce();
  assert.equal(corrected(), before, 'no correction is written twice');
  assert.deepEqual(
    world
      .jobs()
      .map(({ ending }) => ending)
      .sort(),
    ['discarded', 'discarded'],
  );
  const given = 'SELECT content FROM names WHERE content NOT IN (SELECT row FROM contents)';
  assert.deepEqual(rowsOf(world, given), [], 'nothing has a name that is given up');
  world.discarded.clear();
  world.drop('again.csv', bytes);
  await world.runOnce();
  assert.equal(world.manifest().length, 4);
  await done(world, 'again.csv', 'stored');
});

test('a file that was sealed and discarded since is not looked for in the input, where its next version lies', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  const program = world.start('ingest');
  await world.event('worker_started');
  await ctl(world, 'pause', 'verify-complete');
  const first = world.drop('a.csv', 100);
  await readyFor(world, 'a.csv', 'verify-complete');
  const older = backedUp(world);
  await ctl(world, 'pause', 'move');
  await ctl(world, 'resume', 'verify-complete');
  await readyFor(world, 'a.csv', 'move');
  const { record } = world.manifest()[0]!;
  mkdirSync(dirname(record!.warehouse_path), { recursive: true });
  writeFileSync(record!.warehouse_path, 'somebody else was quicker');
  await ctl(world, 'resume', 'move');
  await held(world, 'a.csv', 'target_taken');
  await ctl(world, 'discard', jobOf(world, 'a.csv').id);
  await done(world, 'a.csv', 'discarded');
  await program.stop();
  world.discarded.add(first.sha256);
  rmSync(join(workDirOf(world.feed()), 'failed'), { recursive: true });
  restore(world, older);
  world.drop('a.csv', 130);
  await rebuilt(world);
  await ctl(world, 'resume', 'verify-complete');
  await world.runOnce();
  assert.deepEqual(world.log.named('bug'), []);
  assert.deepEqual(
    world
      .jobs()
      .map(({ ending }) => ending)
      .sort(),
    ['discarded', 'stored'],
  );
});

test('a file that was sealed since goes on, and its path is free for the next version', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  world.drop('first.csv', 60);
  await world.runOnce();
  const program = world.start('ingest');
  await world.event('worker_started');
  await ctl(world, 'pause', 'verify-complete');
  world.drop('sealed.csv', 100);
  await readyFor(world, 'sealed.csv', 'verify-complete');
  const older = backedUp(world);
  await ctl(world, 'pause', 'move');
  await ctl(world, 'resume', 'verify-complete');
  await readyFor(world, 'sealed.csv', 'move');
  await program.stop();
  restore(world, older);
  const { stdout } = await rebuilt(world);
  assert.match(stdout, /1 with a line and still in underprocess/);
  assert.match(stdout, /1 jobs of the older state go on with what was found/);
  world.drop('sealed.csv', 130);
  await ctl(world, 'resume', 'verify-complete');
  await world.runOnce();
  world.check();
  assert.equal(world.manifest().length, 3);
});

test('a file whose line the older state does not know keeps its name, also where a consumer took the first one of that name', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  world.drop('orders.csv', 100);
  await world.runOnce();
  const older = backedUp(world);
  const first = world.manifest()[0]!.record!.warehouse_path;
  rmSync(first); // a consumer does this
  await stoppedBefore(world, 'move', () => world.drop('orders.csv', 300), 1);
  const second = world.manifest()[1]!.record!.warehouse_path;
  assert.notEqual(second, first);
  restore(world, older);
  await rebuilt(world);
  assert.deepEqual(world.database()!.unnamed, []);
  await world.runOnce();
  assert.equal(statSync(second).size, 300);
  world.drop('orders.csv', 400);
  await world.runOnce();
  assert.equal(new Set(world.manifest().map(({ record }) => record!.warehouse_path)).size, 3);
});

test('a state with inconsistent pages is not merged, and is moved aside whole', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  for (let n = 0; n < 400; n++) world.drop(`${n}.csv`, 20 + n);
  await world.runOnce();
  const older = backedUp(world);
  await newerLine(world);
  restore(world, older);
  const bytes = readFileSync(world.statePath);
  // Its middle pages are from another time.
  bytes.fill(0x5a, bytes.length >> 2, (bytes.length >> 2) * 3);
  writeFileSync(world.statePath, bytes);
  const { stdout } = await rebuilt(world);
  assert.match(stdout, /is damaged .*nothing was taken over/);
  const aside = /moved aside to (\S+)/.exec(stdout)![1]!;
  assert(readFileSync(aside).equals(bytes));
  await world.runOnce();
  world.check();
  assert.equal(world.manifest().length, 401);
  renameSync(aside, `${aside}.seen`);
});

for (const stage of ['hash', 'move'] as const)
  test(`a file in a mount that is missing is not taken for one that has left; the state is of ${stage}`, async (t) => {
    if (skipUnlessRoot(t, 'a rebuild without a mount of the input')) return;
    const world = createWorld(t, { options: AT_ONCE });
    const mount = await stoppedInMount(world, stage);
    const older = backedUp(world);
    if (stage === 'hash') {
      await ctl(world, 'resume', 'hash');
      await stoppedBefore(world, 'move', () => {}, 1);
    }
    mount.away();
    restore(world, older);
    await rebuilt(world);
    await ctl(world, 'resume');
    world.start('ingest');
    await world.event('mount_missing');
    mount.back();
    await world.allDone();
    await world.stop();
    world.check();
    assert.equal(world.warehouse().length, 1);
  });

test('a backup of an older build is migrated first, and what only it knows is kept', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  world.drop('first.csv', 100);
  await world.runOnce();
  await ctl(world, 'pause', 'move', '--feed', 'default');
  const older = backedUp(world);
  await ctl(world, 'resume', 'move', '--feed', 'default');
  await newerLine(world);
  restore(world, older);
  makeBefore(world.statePath, { joined: false });
  const { stdout } = await rebuilt(world);
  assert.match(stdout, /was copied, and what it knew was taken over/);
  assert.equal(world.gates().length, 1, 'only the older state knows of the pause');
  const backup = stateFiles(world).find((name) => name.endsWith('.backup'))!;
  assert.ok(sharedIn(join(dirname(world.statePath), backup)).length > 0, 'the backup is as it was restored');
  await ctl(world, 'resume', 'move', '--feed', 'default');
  dropAgain(world);
  await world.runOnce();
  assert.equal(world.manifest().length, 2);
  world.check();
});
