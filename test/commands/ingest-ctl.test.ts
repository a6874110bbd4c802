/** ingest-ctl: held, retry, discard, pause, resume, beside running daemons and without them. */
import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { test } from 'node:test';
import { editDatabase } from '../world/database.js';
import { createWorld } from '../world/world.js';
import { inputPath, withHeldFile } from './cases.js';

test('retry by id, by path and by --all sends a held file on after the cause of the hold is repaired', async (t) => {
  for (const how of ['id', 'path', 'relative', 'all'] as const) {
    const world = createWorld(t);
    const job = await withHeldFile(world);
    const word = { id: job.id, path: inputPath(world, 'large.csv'), relative: 'large.csv', all: '--all' }[how];
    const { code, stdout } = await world.run('ingest-ctl', ['retry', word]);
    assert.equal(code, 0);
    assert.match(stdout, /^1 file goes/);
    world.held.clear();
    await world.runOnce();
    world.check();
  }
});

test('a running worker claims a retried file by itself', async (t) => {
  const world = createWorld(t);
  await withHeldFile(world);
  world.start('ingest');
  await world.event('worker_started', ({ worker }) => worker === 'producer');
  assert.equal((await world.run('ingest-ctl', ['retry', '--all'])).code, 0);
  world.held.clear();
  await world.stored(1);
});

test('--code and --feed leave other held files alone; a name that matches no held file ends with exit code 4', async (t) => {
  const world = createWorld(t);
  await withHeldFile(world);
  const other = await world.run('ingest-ctl', ['retry', '--all', '--code', 'poison']);
  assert.match(other.stdout, /^nothing is held for the reason poison$/m);
  const nothing = await world.run('ingest-ctl', ['retry', 'nowhere.csv']);
  assert.equal(nothing.code, 4);
  assert.match(nothing.stderr, /nowhere\.csv is not held/);
  const feed = await world.run('ingest-ctl', ['held', '--feed', 'other']);
  assert.equal(feed.code, 2);
  assert.match(feed.stderr, /must be a feed of this state, but got "other"; it has default/);
  for (const args of [['retry'], ['discard'], ['retry', 'x', '--all'], ['explain']]) {
    assert.equal((await world.run('ingest-ctl', args)).code, 2, args.join(' '));
  }
});

test('discard gives a held file up: it is moved to failed/ and is not ingested', async (t) => {
  const world = createWorld(t);
  const job = await withHeldFile(world);
  const { code, stdout } = await world.run('ingest-ctl', ['discard', job.id]);
  assert.equal(code, 0);
  assert.match(stdout, /^1 file is given up/);
  const { stdout: left } = await world.run('ingest-ctl', ['held']);
  assert.equal(left, 'nothing is held\n');
  await world.runOnce();
  assert.equal(world.failed().length, 1);
  assert.deepEqual(world.manifest(), []);
});

test('a path that two feeds hold gives up the file of the one whose input it is in, else none', async (t) => {
  const small = { options: { maxBytes: '100' } };
  const world = createWorld(t, { feeds: { one: small, two: small } });
  for (const feed of ['one', 'two']) world.held.add(world.drop('large.csv', 200, { feed }).sha256);
  await world.runOnce([], { code: 4 });
  const unclear = await world.run('ingest-ctl', ['discard', 'large.csv']);
  assert.equal(unclear.code, 2);
  assert.match(unclear.stderr, /large\.csv may mean 2 held files, and nothing was given up: .*name the id of the one/);
  const { code, stdout } = await world.run('ingest-ctl', ['discard', 'large.csv'], { cwd: world.feed('two').input });
  assert.equal(code, 0);
  assert.match(stdout, /^1 file is given up/);
  const [left, ...more] = (await world.run('ingest-ctl', ['held', '--json'])).stdout.trim().split('\n');
  assert.deepEqual([(JSON.parse(left!) as { feed: string }).feed, more.length], ['one', 0]);
  const gone = await world.run('ingest-ctl', ['discard', 'large.csv'], { cwd: world.feed('two').input });
  assert.deepEqual([gone.code, gone.stdout], [4, '0 files are given up\n'], 'it is not the file of the other feed');
  assert.match((await world.run('ingest-ctl', ['retry', 'large.csv'])).stdout, /^1 file goes/);
});

test('pause stops a stage until resume, also through a restart', async (t) => {
  const world = createWorld(t);
  world.drop('a.csv', 10);
  world.start('ingest');
  await world.stored(1);
  assert.match((await world.run('ingest-ctl', ['pause', 'hash'])).stdout, /^hash of every feed is paused/);
  assert.match((await world.run('ingest-ctl', ['pause', 'hash'])).stdout, /was paused already/);
  world.drop('b.csv', 11);
  await world.event('file_ready', ({ path }) => String(path).endsWith('b.csv'));
  await world.stop();
  world.start('ingest');
  await world.event('worker_started', ({ worker }) => worker === 'producer');
  assert.equal(world.log.named('file_ingested').length, 1);
  assert.match((await world.run('ingest-ctl', ['resume'])).stdout, /^hash of every feed is open again/);
  await world.stored(2);
  assert.match((await world.run('ingest-ctl', ['resume'])).stdout, /was not paused/);
});

test('a pause names the user who called sudo, else the user', async (t) => {
  const world = createWorld(t);
  await world.runOnce();
  await world.run('ingest-ctl', ['pause', 'hash'], { env: { SUDO_USER: 'ada' } });
  await world.run('ingest-ctl', ['pause', 'move'], { env: { SUDO_USER: '' } });
  const { stdout } = await world.run('queue-stat');
  assert.match(stdout, /hash of every feed is paused \(by ada\)/);
  assert.ok(stdout.includes(`move of every feed is paused (by ${userInfo().username})`), stdout);
});

test('resume of one stage says that a pause of all still closes it', async (t) => {
  const world = createWorld(t);
  await world.runOnce();
  await world.run('ingest-ctl', ['pause']);
  const { code, stderr } = await world.run('ingest-ctl', ['resume', 'move']);
  assert.equal(code, 0);
  assert.match(stderr, /every stage of every feed is still closed by a pause/);
});

test('held counts the files of each cause, the largest first, and ends with the total', async (t) => {
  const world = createWorld(t);
  for (const name of ['a.csv', 'b.csv']) world.drop(name, 300);
  await withHeldFile(world);
  const all = async () => (await world.run('ingest-ctl', ['held'])).stdout.trimEnd().split('\n');
  assert.match((await all()).at(-1)!, /^3 held for 1 cause; `\S*ingest-ctl held --all .*` lists each file$/);
  editDatabase(world.statePath, (db) =>
    db.exec("UPDATE jobs SET hold_code = 'poison' WHERE CAST(key AS TEXT) = 'a.csv'"),
  );
  const [first, , second, , total] = await all();
  assert.match(first!, /^2 files are held .*too_large/);
  assert.match(second!, /^1 file is held .*poison/);
  assert.match(total!, /^3 held for 2 causes; /);
});

test('a misspelt verb or stage is refused with the right word', async (t) => {
  const world = createWorld(t);
  await world.runOnce();
  const verb = await world.run('ingest-ctl', ['retyr']);
  assert.equal(verb.code, 2);
  assert.match(verb.stderr, /did you mean retry\?/);
  const stage = await world.run('ingest-ctl', ['pause', 'hsah']);
  assert.equal(stage.code, 2);
  assert.match(stage.stderr, /did you mean hash\?/);
  assert.equal((await world.launch('ingest-ctl', ['--help']).ended).code, 0);
});

test('a misspelt --code is refused with the right word and all codes, by every verb that has --code; nothing is done', async (t) => {
  const world = createWorld(t);
  await withHeldFile(world);
  for (const args of [['held'], ['held', '--json'], ['retry', '--all'], ['discard', '--all']]) {
    const { code, stdout, stderr } = await world.run('ingest-ctl', [...args, '--code', 'too_larg']);
    assert.equal(code, 2, args.join(' '));
    assert.equal(stdout, '');
    assert.match(stderr, /--code: "too_larg" is no reason .*; did you mean too_large\? the reasons are .*poison.*eio/);
  }
  assert.match(
    (await world.run('ingest-ctl', ['held', '--code', 'poison'])).stdout,
    /^nothing is held for the reason poison$/m,
  );
  assert.match((await world.run('ingest-ctl', ['held', '--code', 'too_large'])).stdout, /large\.csv/);
  // The code of a hold may be any error of the kernel. Such a code is valid while a file is held for it.
  editDatabase(world.statePath, (db) => db.exec("UPDATE jobs SET hold_code = 'enotty' WHERE state = 'held'"));
  assert.match((await world.run('ingest-ctl', ['held', '--code', 'enotty'])).stdout, /large\.csv/);
});

test('explain finds a file by its name alone, in every directory, and ends with 4 if it finds none', async (t) => {
  const world = createWorld(t);
  await withHeldFile(world, 'below/deep/large.csv');
  world.drop('other/large.csv', 50);
  world.drop('overlarge.csv', 60);
  world.held.add('below/deep/large.csv');
  await world.runOnce(['--max-bytes', '100'], { code: 4 });
  const named = await world.run('ingest-ctl', ['explain', 'large.csv']);
  assert.equal(named.code, 0, named.stdout);
  assert.match(named.stdout, /other\/large\.csv \(.*It was stored as.*below\/deep\/large\.csv \(.*too_large/s);
  assert.doesNotMatch(named.stdout, /overlarge|was ever seen/);
  for (const word of ['arge.csv', 'deep', 'LARGE.csv', 'below/large.csv', '/nowhere/large.csv']) {
    const { code, stdout } = await world.run('ingest-ctl', ['explain', word]);
    assert.equal(code, 4, stdout);
    assert.equal((await world.run('ingest-ctl', ['explain', word, '--json'])).code, 4, word);
  }
  world.drop('unseen.csv', 10);
  assert.equal((await world.run('ingest-ctl', ['explain', inputPath(world, 'unseen.csv')])).code, 0, 'it lies there');
});
