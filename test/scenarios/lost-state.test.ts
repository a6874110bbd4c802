/**
 * Lost or older state: a state that was deleted (while running, or before a start) or restored from an older copy is refused.
 * `ingest-ctl rebuild` makes it from scratch. Every file that is dropped again afterwards is known: nothing twice, nothing lost.
 * Rebuilds from unusual files on disk: test/tools/rebuild/rebuild.test.ts.
 */
import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { dropAgain, loseState, rebuild, rebuilt, refused, stateFiles, withOlderState } from '../world/lost.js';
import { give, ordinaryUser, skipUnlessReachable } from '../world/users.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

test('a state file deleted under running processes ends them with exit code 3 and a sentence', async (t) => {
  const world = createWorld(t);
  const program = world.start('ingest');
  const first = world.drop('first.csv', 100);
  await world.isStored(first);
  rmSync(world.statePath);
  const ended = await program.ended;
  refused(ended, /state\.db was removed while it was in use/);
  assert(!existsSync(world.statePath), 'no new state');
});

test('a state deleted before a start is missed, and no new one is made in its place', async (t) => {
  const world = createWorld(t);
  world.drop('first.csv', 100);
  await world.runOnce();
  loseState(world);
  for (let tries = 0; tries < 2; tries++) {
    refused(await world.run('ingest', ['--once']), /state\.db is gone.*ingest-ctl rebuild/);
    assert.deepEqual(stateFiles(world), []);
  }
  refused(await world.run('ingest-producer'), /state\.db is gone/);
  assert.deepEqual(stateFiles(world), []);
});

test('a -wal that was deleted after a kill is named, by doctor too, and rebuild makes the state good', async (t) => {
  const world = createWorld(t);
  world.start('ingest');
  await world.isStored(world.drop('first.csv', 100));
  await world.killAll();
  // Nothing was written back yet: everything that the state knows is in its log.
  rmSync(`${world.statePath}-wal`);
  for (let tries = 0; tries < 2; tries++) {
    const ended = await world.run('ingest', ['--once']);
    refused(
      ended,
      /set up by an earlier state at .*state\.db.*state\.db-wal was deleted after a crash.*ingest-ctl rebuild/,
    );
    const { code, stdout } = await world.launch('ingest-ctl', ['doctor', ...world.flags('ingest')]).ended;
    assert.equal(code, 3);
    assert.match(stdout, /set up by an earlier state at .*state\.db/);
  }
  await rebuilt(world);
  dropAgain(world);
  await world.runOnce();
  assert.equal(world.manifest().length, 1);
  world.check();
});

test('rebuild, then everything dropped again: nothing is ingested twice, nothing lost', async (t) => {
  const world = createWorld(t);
  for (let n = 0; n < 300; n++) world.drop(`${n}.csv`, 100 + n);
  await world.runOnce();
  const uuid = markerState(world);
  const lines = world.manifest().map(({ raw }) => raw);
  loseState(world);
  const { stdout } = await rebuilt(world);
  assert.match(stdout, /300 records in \d manifest file/);
  assert.match(stdout, /300 stored/);
  assert(stdout.includes(uuid), 'the old UUID');
  world.check();
  dropAgain(world);
  await world.runOnce();
  world.check();
  assert.deepEqual(
    world.manifest().map(({ raw }) => raw),
    lines,
  );
  assert.equal(world.duplicates().length, 300);
});

const markerState = (world: World): string =>
  JSON.parse(readFileSync(join(world.feed().manifests, '.ingest-root'), 'utf8')).state;

test('a state restored from an older copy is refused, and rebuilt with the older one moved aside', async (t) => {
  const world = createWorld(t);
  world.drop('early.csv', 100);
  await world.runOnce();
  const copy = join(world.root, 'copy.db');
  copyFileSync(world.statePath, copy);
  for (let n = 0; n < 50; n++) world.drop(`${n}.csv`, 100);
  await world.runOnce();
  loseState(world);
  copyFileSync(copy, world.statePath);
  const before = readFileSync(world.statePath);
  refused(await world.run('ingest', ['--once']), /does not know.*ingest-ctl rebuild/);
  const { stdout } = await rebuilt(world);
  const aside = /moved aside to (\S+)/.exec(stdout)?.[1];
  assert(aside?.startsWith(`${world.statePath}.before-rebuild-`), stdout);
  assert.equal(readFileSync(aside!).length, before.length);
  dropAgain(world);
  await world.runOnce();
  world.check();
});

test('an older copy is noticed also when only an hour before the newest has lines after its end', async (t) => {
  const world = createWorld(t);
  world.drop('early.csv', 100);
  await world.runOnce();
  const copy = readFileSync(world.statePath);
  world.drop('late.csv', 100);
  await world.runOnce();
  // As if no line had been written since the next hour began: an empty newest file, then a foreign hour.
  const later = join(world.feed().manifests, '2099/01/01/00');
  mkdirSync(later, { recursive: true });
  writeFileSync(join(later, 'manifest.jsonl'), '');
  loseState(world);
  writeFileSync(world.statePath, copy);
  refused(await world.run('ingest', ['--once']), /does not know/);
});

test('rebuild takes over a state that is up to date, and refuses while anybody is at work', async (t) => {
  const world = createWorld(t);
  const program = world.start('ingest');
  const first = world.drop('first.csv', 100);
  await world.isStored(first);
  refused(await rebuild(world), /in use by a running ingestor/);
  await program.stop();
  const before = world.jobs();
  assert.equal((await rebuild(world)).code, 0);
  assert.deepEqual(world.jobs(), before);
  await world.runOnce();
  world.check();
});

test('a rebuild that is killed is simply run again', async (t) => {
  const world = createWorld(t);
  const tail = await world.manifestTail();
  for (let n = 0; n < 100; n++) world.drop(`${n}.csv`, 100);
  await world.runOnce();
  loseState(world);
  // Records of another feed, which take time to read: the kill comes before the end.
  const [line] = world.manifest();
  const others = `${line!.raw.replace('"feed":"default"', '"feed":"other"')}\n`.repeat(60_000);
  const long = join(world.feed().manifests, '2030/01/01/00/manifest.jsonl');
  mkdirSync(dirname(long), { recursive: true });
  writeFileSync(long, others);
  const killed = rebuild(world);
  await until('a state in the making', () => existsSync(`${world.statePath}.rebuilding`), {
    everyMs: 1,
  });
  await world.killAll();
  assert.equal((await killed).signal, 'SIGKILL');
  assert(!existsSync(world.statePath), 'half a state is none');
  const { stdout } = await rebuilt(world);
  assert.match(stdout, /records of other: if those are feeds of this state/);
  // The test itself takes a manifest away now.
  assert.deepEqual((await tail.stop()).broken, []);
  rmSync(long);
  assert.deepEqual(stateFiles(world), ['state.db']);
  dropAgain(world);
  await world.runOnce();
  world.check();
});

test('a content whose discard is not yet put away does not make its state look older', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
  const program = world.start('ingest');
  await until('the state', () => world.database() !== undefined);
  await world.run('ingest-ctl', ['pause', 'move']);
  const dropped = world.drop('first.csv', 100);
  await until('it has its line', () => world.jobs()[0]?.stage === 'move');
  const { warehouse_path } = world.manifest()[0]!.record!;
  mkdirSync(dirname(warehouse_path), { recursive: true });
  writeFileSync(warehouse_path, 'somebody else was quicker');
  await world.run('ingest-ctl', ['resume', 'move']);
  await until('it is held', () => world.jobs()[0]?.hold_code === 'target_taken');
  await program.stop();
  // Without the daemons the discard is only decided: the line is still there, and its content is free.
  assert.equal((await world.run('ingest-ctl', ['discard', '--all'])).code, 0);
  // In a new inode, as after an edit or a rotation: all its lines are checked.
  const manifest = join(world.feed().manifests, world.manifest()[0]!.file);
  copyFileSync(manifest, `${manifest}.1`);
  rmSync(manifest);
  await world.runOnce();
  await world.runOnce();
  assert.equal(world.failed()[0]?.sha256, dropped.sha256);
  // Nor where the manifests are at another path, once its job is forgotten.
  assert.equal((await world.run('ingest-ctl', ['prune', '--keep-history', '0d'])).code, 0);
  const { manifests } = world.feed();
  renameSync(`${manifest}.1`, manifest);
  cpSync(manifests, `${manifests}-2`, { recursive: true });
  const there = world.flags('ingest').map((flag) => flag.replace(manifests, `${manifests}-2`));
  const moved = await world.launch('ingest', ['--once', ...there]).ended;
  assert.equal(moved.code, 0, moved.stderr);
  await world.runOnce();
  loseState(world);
  assert.match((await rebuilt(world)).stdout, /1 withdrawn/);
});

test('files in flight at every stage when the state was lost: each arrives once', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
  await world.followManifests();
  for (let n = 0; n < 20; n++) world.drop(`stored-${n}.csv`, 100);
  await world.runOnce();
  const program = world.start('ingest', ['--workers', 'all=2']);
  const reach = async (stage: string, count: number): Promise<void> => {
    const there = () => world.jobs().filter((job) => job.stage === stage && job.state === 'ready').length;
    await until(`${count} files wait in ${stage}`, () => there() >= count);
  };
  // From the last stage to the first: files that are dropped before a stage opens again have come that far.
  for (const [stage, before] of [
    ['move', 'manifested'],
    ['manifest', 'hashed'],
    ['hash', 'sealed'],
    ['verify-complete', 'seen'],
  ] as const) {
    assert.equal((await world.run('ingest-ctl', ['pause', stage])).code, 0);
    for (let n = 0; n < 20; n++) world.drop(`${before}-${n}.csv`, 100);
    await reach(stage, 20);
  }
  await world.run('ingest-ctl', ['resume', 'hash']);
  await reach('manifest', 40);
  await world.run('ingest-ctl', ['pause', 'hash']);
  await world.run('ingest-ctl', ['resume', 'verify-complete']);
  // Twins of contents that have a line, are sealed, or are stored.
  for (const name of ['manifested-0.csv', 'hashed-0.csv', 'stored-0.csv']) {
    world.drop(`twin-${name}`, bytesOf(world, name));
  }
  await reach('hash', 23);
  assert.equal(world.manifest().length, 40, 'twenty stored, twenty with a line alone');
  await world.killAll();
  assert(!program.running);
  loseState(world);

  const { stdout } = await rebuilt(world);
  assert.match(stdout, /20 stored, their files are in the warehouse/);
  assert.match(stdout, /20 with a line and still in underprocess/);
  assert.match(stdout, /63 without a line in underprocess/);
  await world.runOnce();
  world.check();
  dropAgain(world);
  await world.runOnce();
  world.check();
  assert.equal(world.manifest().length, 100);
});

function bytesOf(world: World, name: string): Buffer {
  const { sha256 } = world.dropped.find((d) => d.name === name)!;
  const [found] = [...world.underprocess(), ...world.warehouse()].filter((f) => f.sha256 === sha256);
  const roots = [join(world.root, '.input.ingest/underprocess'), world.feed().warehouse];
  return readFileSync(roots.map((root) => join(root, found!.path)).find((path) => existsSync(path))!);
}

test('an older state is refused also where a folder of the manifests cannot be read', async (t) => {
  if (skipUnlessReachable(t, ordinaryUser, 'manifests with a folder that is closed were not tested.')) return;
  const world = createWorld(t, { user: ordinaryUser });
  await withOlderState(world);
  give(ordinaryUser, world.statePath);
  const archive = join(world.feed().manifests, 'archive');
  mkdirSync(archive);
  chmodSync(archive, 0o000);
  const ended = await world.run('ingest', ['--once']);
  chmodSync(archive, 0o755);
  refused(ended, /does not know, so the state is lost or older/);
});
