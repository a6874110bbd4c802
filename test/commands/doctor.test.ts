/** `ingest-ctl doctor` prints one line with its remedy for each finding, and leaves no file. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { workDirOf } from '../world/layout.js';
import { release, remount, tmpfsMount } from '../world/mounts.js';
import type { StartOptions } from '../world/program.js';
import { ordinaryUser, otherUser, skipUnlessReachable, skipUnlessRoot } from '../world/users.js';
import { createWorld, type World } from '../world/world.js';
import { doctor, type Finding, troubles } from './findings.js';

/** The temporary directory of a machine may be a tmpfs. */
const notOfMemory = ({ what }: Finding): boolean => !/a reboot empties it/.test(what);

test('each property of a good place is reported as good, and no file is left there', async (t) => {
  const world = createWorld(t);
  const found = await doctor(world, 0);
  const about = (word: RegExp) => found.some(({ what }) => word.test(what));
  for (const word of [
    /is on \w+/,
    /leases show writers/,
    /never overwrites/,
    /distinguishes A\.csv and a\.csv/,
    /GiB free, [\d,]+ inodes/,
    /can be written \(owner \d+/,
    /one rename, and the inode stays/,
    /needed and \d+ in use by this user, of \d+/,
    /open files a process/,
    /boot clock/,
  ]) {
    assert(about(word), `${word} in ${JSON.stringify(found)}`);
  }
  const { input, warehouse, manifests } = world.feed();
  for (const folder of [input, warehouse, manifests, join(world.root, 'state')])
    assert.deepEqual(readdirSync(folder), []);
  assert(!readdirSync(world.root).some((name) => name.startsWith('.')), 'no work directory is made');
  const text = await world.launch('ingest-ctl', ['doctor', '--verbose', ...world.flags('ingest')]).ended;
  const lines = text.stdout.trim().split('\n');
  assert.equal(lines.length, found.length + 1);
  assert.match(lines.at(-1)!, /^\d+ ok, \d+ to know, 0 to mend before the first file$/);
});

test('beside a running ingest it disturbs nothing', async (t) => {
  const world = createWorld(t);
  world.start('ingest');
  await world.event('worker_started', ({ worker }) => worker === 'producer');
  await doctor(world, 0);
  const first = world.drop('first.csv', 100);
  await world.isStored(first);
  await world.stop();
  world.check();
});

test('an empty folder where the warehouse of the state was is to be mended, for check-config too', async (t) => {
  const world = createWorld(t, { feeds: { orders: {}, prices: {} } });
  world.drop('a.csv', 10, { feed: 'prices' });
  await world.runOnce();
  const { warehouse } = world.feed('prices');
  renameSync(warehouse, `${warehouse} away`);
  mkdirSync(warehouse);
  const found = await doctor(world, 3);
  const [trouble, ...more] = found.filter(({ level }) => level === 'fail');
  assert.deepEqual(more, []);
  assert.match(trouble!.what, /the warehouse .+ has lost its marker \.ingest-root/);
  assert.match(trouble!.remedy!, /^mount the one that was there, or, if only this file is gone, put it back: printf /);
  const args = ['check-config', world.configPath, '--state-path', world.statePath];
  const checked = await world.launch('ingest-ctl', args).ended;
  assert.equal(checked.code, 3, checked.stdout);
  assert.match(checked.stderr, /the warehouse .+ has lost its marker/);
});

for (const kind of ['warehouse', 'manifests', 'work'] as const) {
  test(`the marker of the ${kind} alone is gone: the printed command puts it back, and what waits is stored`, async (t) => {
    const world = createWorld(t);
    world.drop('first.csv', 100);
    await world.runOnce();
    const feed = world.feed();
    const root = kind === 'work' ? workDirOf(feed) : feed[kind];
    const marker = join(root, '.ingest-root');
    const before = readFileSync(marker, 'utf8');
    rmSync(marker);
    world.drop('second.csv', 200);
    world.start('ingest');
    const { reason } = await world.event('gate_closed', ({ code }) => code === 'no_marker');
    assert.match(String(reason), /if only this file is gone, put it back as `\S*ingest-ctl doctor .*` says/);
    const [trouble, ...more] = (await doctor(world, 3)).filter(({ level }) => level === 'fail');
    assert.deepEqual(more, []);
    const command = /put it back: (.*)$/.exec(trouble!.remedy!)![1]!;
    execFileSync('sh', ['-ec', command.replace('| sudo ', '| ')]);
    assert.equal(readFileSync(marker, 'utf8'), before);
    await world.stored(2);
    await world.allDone();
    await world.stop();
    await doctor(world, 0);
    world.check();
    writeFileSync(marker, before.replace(/"id":"[^"]+"/, '"id":"of another root"'));
    const [other] = (await doctor(world, 3)).filter(({ level }) => level === 'fail');
    assert.match(other!.remedy!, /^mount the one that was there \(this one has the marker of another\)$/);
    writeFileSync(marker, before);
  });
}

test('every missing folder is reported, with exit code 3', async (t) => {
  const world = createWorld(t);
  rmSync(world.feed().warehouse, { recursive: true });
  rmSync(world.feed().manifests, { recursive: true });
  const found = await doctor(world, 3);
  assert.deepEqual(
    found.map(({ about }) => about),
    ['warehouse', 'manifests'],
  );
  for (const { remedy } of found) assert.match(remedy!, /sudo install -d -o \w+ -g \w+ \S+$/);
});

test('the commands of one round make all missing folders, so that the service may use them', async (t) => {
  if (skipUnlessRoot(t, 'whether the commands that doctor prints make folders for the service was not tested.')) return;
  if (skipUnlessReachable(t, ordinaryUser, 'what doctor prints for missing folders of a service was not tested.'))
    return;
  const world = createWorld(t, { user: ordinaryUser });
  const above = join(world.root, 'data');
  mkdirSync(above);
  const folders = ['input', 'warehouse', 'manifests', 'work'].map((name) => join(above, name));
  const flags = ['input', 'warehouse', 'manifests', 'work-dir'].map((name, i) => `--${name}=${folders[i]}`);
  const first = await doctor(world, 3, { user: ordinaryUser }, flags);
  assert.deepEqual(
    first.map(({ what }) => what.replace(/;.*/, '')),
    folders.map((folder) => `${folder} does not exist`),
  );
  const run = ({ remedy }: Finding) => execFileSync('sh', ['-ec', remedy!.replace(/^.*run: sudo /, '')]);
  const [last, ...others] = [first.at(-1)!, ...first.slice(0, -1)];
  others.forEach(run);
  // The work directory alone is missing, and root owns its parent.
  const second = troubles(await doctor(world, 3, { user: ordinaryUser }, flags)).filter(
    ({ level }) => level === 'fail',
  );
  assert.deepEqual(
    second.map(({ about, remedy }) => [about, remedy]),
    [['work directory', last.remedy]],
  );
  assert.match(second[0]!.what, /work does not exist; its parent \S+\/data cannot be written by this user \(EACCES/);
  run(last);
  assert.equal(statSync(folders[0]!).mode & 0o7777, 0o2775);
  await doctor(world, 0, { user: ordinaryUser }, flags);
});

test('folders of another state are reported', async (t) => {
  const world = createWorld(t);
  await world.runOnce();
  await doctor(world, 0);
  const flags = world.flags('ingest').filter((flag) => !flag.startsWith('--state-path'));
  const other = `--state-path=${join(world.root, 'state', 'other.db')}`;
  const ended = await world.launch('ingest-ctl', ['doctor', '--json', ...flags, other]).ended;
  assert.equal(ended.code, 3);
  assert.match(ended.stdout, /fail.*belongs to the state .*state\.db, and .*other\.db would be another one/);
});

test('what a start refuses besides is said in its own words', async (t) => {
  const world = createWorld(t);
  world.drop('a.csv', 100);
  await world.runOnce();
  const empty = join(world.root, 'empty');
  mkdirSync(empty);
  const [one, ...more] = (await doctor(world, 3, {}, [`--warehouse=${empty}`])).filter(({ level }) => level === 'fail');
  assert.deepEqual(more, []);
  const flags = world.flags('ingest').filter((flag) => !flag.startsWith('--warehouse'));
  const refused = await world.launch('ingest', ['--once', ...flags, `--warehouse=${empty}`]).ended;
  assert.equal(refused.code, 3);
  assert(refused.stderr.includes(one!.what), `${one!.what} in ${refused.stderr}`);
});

test('too few descriptors are reported with their number', async (t) => {
  const world = createWorld(t);
  const [one, ...more] = troubles(await doctor(world, 0, { wrap: ['prlimit', '--nofile=300'] })).filter(
    ({ about }) => about === 'descriptors',
  );
  assert.deepEqual(more, []);
  assert.match(one!.what, /of 300/);
  assert.match(one!.remedy!, /ulimit -n 768/);
});

test('another filesystem: files are copied to a warehouse on it, a work directory on it is wrong, and read-only is reported', async (t) => {
  if (skipUnlessRoot(t, 'the findings of doctor on other mounts were not tested.')) return;
  const world = createWorld(t);
  tmpfsMount(world.feed().warehouse);
  const copied = await doctor(world, 0);
  assert(!copied.every(notOfMemory), 'a warehouse in memory');
  assert(copied.some(({ about, what }) => about === 'work directory to warehouse' && /is copied/.test(what)));
  const work = tmpfsMount(join(world.root, 'work'));
  const wrong = troubles(await doctor(world, 3, {}, ['--work-dir', work]));
  assert(wrong.some(({ about, remedy }) => about === 'input to work directory' && /--work-dir/.test(remedy!)));
  remount(world.feed().warehouse, 'ro');
  const readOnly = (await doctor(world, 3)).filter(({ about, level }) => about === 'warehouse' && level === 'fail');
  assert.match(readOnly[0]!.what, /EROFS/);
  assert.match(readOnly[0]!.remedy!, /read-write/);
});

test('doctor as root reports that it does not check the rights of the owner of the state', async (t) => {
  if (skipUnlessRoot(t, 'the report of doctor as root on the state of another user was not tested.')) return;
  const world = createWorld(t, { user: ordinaryUser });
  const asked = troubles(await doctor(world, 0, { user: { uid: 0, gid: 0 } })).filter(notOfMemory);
  assert.deepEqual(
    asked.map(({ about, remedy }) => [about, remedy]),
    [['state', 'run it as that user (sudo -u)']],
  );
});

test('doctor reports to an ordinary user the rights that it lacks', async (t) => {
  if (skipUnlessReachable(t, ordinaryUser, 'the report of doctor to an ordinary user was not tested.')) return;
  const world = createWorld(t, { user: ordinaryUser });
  if (otherUser) {
    const leases = troubles(await doctor(world, 0, { user: ordinaryUser }));
    assert(leases.some(({ about, what }) => about === 'leases' && /only ask about its own files/.test(what)));
  }
  chmodSync(world.feed().warehouse, 0o500);
  const found = troubles(await doctor(world, 3, { user: ordinaryUser })).filter(({ about }) => about === 'warehouse');
  assert.match(found[0]!.what, /cannot be written \(EACCES; owner \d+:\d+, mode 500/);
});

/** A systemctl that knows a unit of the user who asks. */
function unitOf(world: World, readWritePaths: string, properties = ''): StartOptions {
  const folder = join(world.root, 'shims');
  mkdirSync(folder, { recursive: true });
  const answer = `User=$(id -un)\nProtectSystem=strict\nReadWritePaths=${readWritePaths}\n${properties}`;
  const asked = '[ "$1 $2 $4" = "show --property atomic-ingestor" ] || exit 1';
  writeFileSync(join(folder, 'systemctl'), `#!/bin/sh\n${asked}\ncat << EOF\n${answer}\nEOF\n`, { mode: 0o755 });
  return { env: { PATH: `${folder}:${process.env.PATH}` } };
}

test('folders that the unit may not write are named, with the lines of its drop-in', async (t) => {
  const world = createWorld(t);
  const { input, warehouse, manifests } = world.feed();
  const unit = async (...given: Parameters<typeof unitOf>) =>
    (await doctor(world, 0, unitOf(...given))).find(({ about }) => about === 'unit')!;

  const outside = await unit(world, '/srv/ingest');
  assert.equal(outside.level, 'warn');
  assert.match(outside.what, new RegExp(`may not write in ${[input, world.root, warehouse, manifests].join(', ')}:`));
  assert.match(outside.remedy!, new RegExp(`below \\[Service\\]: ReadWritePaths=-${world.root}$`));

  assert.equal((await unit(world, `-/srv/ingest ${world.root}`)).level, 'ok');

  mkdirSync(workDirOf(world.feed()));
  const apart = await unit(world, [input, workDirOf(world.feed()), warehouse, manifests].join(' '));
  assert.match(apart.what, /as two mounts, and no file can be renamed between them/);
  assert.match(apart.remedy!, new RegExp(`name ${world.root} in ReadWritePaths=`));
  assert.equal((await unit(world, `${world.root} ${input}`)).level, 'ok', 'one mount, as systemd makes it');
  const state = (await doctor(world, 0, unitOf(world, input))).filter(({ about }) => about === 'state');
  assert.ok(
    state.some(({ level, what }) => level === 'warn' && what.includes(`may not write in ${dirname(world.statePath)}`)),
  );
  assert.equal(
    (await doctor(world, 0)).find(({ about }) => about === 'unit'),
    undefined,
    'no such unit',
  );
});

test('on three feeds only what is to do is printed; the room of their filesystem once, and the rest with --verbose', async (t) => {
  if (skipUnlessRoot(t, 'what doctor prints of three feeds on a small filesystem was not tested.')) return;
  const ground = mkdtempSync(join(tmpdir(), 'ground-'));
  t.after(() => {
    release(ground);
    rmSync(ground, { recursive: true });
  });
  tmpfsMount(ground, { size: '64m' });
  const world = createWorld(t, { feeds: { eu: {}, us: {}, asia: {} }, ground });
  const run = async (...args: string[]) => {
    const { stdout } = await world.launch('ingest-ctl', ['doctor', ...world.flags('ingest'), ...args]).ended;
    return stdout.trim().split('\n');
  };
  const [short, long] = [await run(), await run('--verbose')];
  // An empty filesystem is not short of room, however small it is.
  assert.deepEqual(
    short.filter((line) => /\bfree\b/.test(line)),
    [],
  );
  assert.equal(long.filter((line) => /64\.0 MiB free/.test(line)).length, 1);
  assert.match(short.at(-1)!, /^\d+ ok \(--verbose lists them\), \d+ to know, 0 to mend before the first file$/);
  assert.deepEqual(
    short.slice(0, -1),
    long.slice(0, -1).filter((line) => !line.startsWith('ok ')),
  );
  for (const place of ['warehouse', 'manifests', 'input'])
    assert.equal(
      short.filter((line) => line.includes(`${place}: ${world.root}`) && /a reboot empties it/.test(line)).length,
      3,
    );

  writeFileSync(join(ground, 'large'), Buffer.alloc(60 << 20));
  assert.equal((await run()).filter((line) => /only 4\.\d MiB of 64\.0 MiB free/.test(line)).length, 1);
});
