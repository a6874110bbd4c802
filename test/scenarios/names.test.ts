/**
 * Names that break careless programs, and directory entries that are no files: every name arrives with its bytes; no such entry is
 * ever opened as data or moved.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { bytesOfName } from '../../src/linux/names.js';
import { skipUnlessInstalled } from '../simulate/installed.js';
import { asName, type Name } from '../world/dropping.js';
import { targetOf } from '../world/manifest.js';
import { isRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const bytes = (...parts: (string | number[])[]): Buffer =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string)));

const NAMES: Name[] = [
  `${'n'.repeat(251)}.csv`,
  `${'é'.repeat(125)}x.csv`,
  ' leading and trailing .csv ',
  '-rf.csv',
  '--warehouse=x.csv',
  'new\nline.csv',
  'tab\tbell\u0007escape\u001b[31m.csv',
  `quotes ' " \` $(x) \\ .csv`,
  'emoji 🧾🇪🇺.csv',
  '__proto__',
  'constructor',
  'percent %2F %00.csv',
  'JOBID~x.csv',
  '*?[a].csv',
  bytes([0xff, 0xfe], 'not utf-8', [0x80], '.csv'),
  bytes('half ', [0xf0, 0x9f], '.csv'),
  bytes([0xe9].concat(Array.from({ length: 254 }, () => 0xe8))),
];

const nested = (count: number): string => Array.from({ length: count }, (_, i) => `${i}`.padEnd(230, 'd')).join('/');
const FITS_NOWHERE = `${nested(16)}/${'x'.repeat(150)}.csv`;

test('every name arrives with its bytes, below subdirectories of such names too', async (t) => {
  const world = createWorld(t, { options: { preserveSubdirs: true } });
  for (const name of NAMES) {
    world.drop(name, 100);
    if (name.length <= 120) world.drop(bytes(name as string, '.d/', name as string), 100);
  }
  await world.runOnce();
  world.check();
  for (const { name, sha256 } of world.dropped) {
    const record = world.manifest().find((line) => line.record?.sha256 === sha256)!.record!;
    const target = targetOf(record, world.feed().warehouse);
    assert(target.endsWith(`/${name}`), `${JSON.stringify(name)} became ${JSON.stringify(target)}`);
    assert.deepEqual(readFileSync(bytesOfName(target)).length, 100);
    const isText = Buffer.from(bytesOfName(name).toString('utf8')).equals(bytesOfName(name));
    assert.equal(record.path_b64 === undefined, isText, 'only a name that is not UTF-8 has its bytes beside it');
    assert.equal(record.path, join(world.input, bytesOfName(name).toString('utf8')));
  }
});

test('names that are taken get a suffix that fits, however long they are', async (t) => {
  const world = createWorld(t);
  for (const folder of ['a', 'b', 'c']) for (const name of NAMES) world.drop(bytes(folder, '/', name as string), 100);
  await world.runOnce();
  world.check();
});

test('a name that leaves no room for a sidecar waits without one, and costs no attempt', async (t) => {
  const world = createWorld(t, { options: { mode: 'sidecar' } });
  const { sha256 } = world.drop(`${'n'.repeat(251)}.csv`, 100);
  world.held.add(sha256);
  world.drop(`${'s'.repeat(248)}.csv`, 100);
  world.sidecar(`${'s'.repeat(248)}.csv`);
  await world.runOnce();
  // A change makes its job due at once.
  utimesSync(join(world.input, `${'n'.repeat(251)}.csv`), 1_000, 1_000);
  const ended = await world.runOnce();
  assert.match(ended.stderr + ended.stdout, /n{251}\.csv/, 'it is named as one without its sidecar');
  assert.deepEqual(world.log.named('file_retry'), []);
  assert.equal(world.warehouse().length, 1);
});

test('a path that fits nowhere is held with a sentence, one that just fits goes through', async (t) => {
  const world = createWorld(t);
  world.drop(`${nested(15)}/fits.csv`, 100);
  world.held.add(world.drop(FITS_NOWHERE, 100).sha256);
  await world.runOnce([], { code: 4 });
  world.check();
  const held = await world.event('file_held');
  assert.equal(held.code, 'name_too_long');
  assert.match(String(held.hint), /^Move the file to a shorter path, then run `.*ingest-ctl retry /);
});

for (const verb of ['retry', 'discard']) {
  test(`a path that fits nowhere is free after the file was moved to a shorter one, and ${verb}`, async (t) => {
    const world = createWorld(t);
    const { sha256 } = world.drop(FITS_NOWHERE, 100);
    world.held.add(sha256);
    await world.runOnce([], { code: 4 });
    const [{ id } = { id: '' }] = world.jobs();
    // Neither verb loses a file that still lies there.
    assert.equal((await world.run('ingest-ctl', [verb, id])).code, 0);
    await world.runOnce([], { code: 4 });
    world.check();
    renameSync(join(world.input, FITS_NOWHERE), join(world.input, 'short.csv'));
    world.held.delete(sha256);
    assert.equal((await world.run('ingest-ctl', [verb, id])).code, 0);
    await world.runOnce();
    world.check();
    assert.equal(world.warehouse().length, 1);
  });
}

/** Makes every kind of entry that is no regular file, and that must stay as it is. Returns the names. */
async function layThings(t: TestContext, world: World): Promise<string[]> {
  const at = (name: string) => join(world.input, name);
  const outside = join(world.root, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'inner.csv'), 'not for the ingestor');
  execFileSync('mkfifo', [at('fifo.csv')]);
  const server = createServer().listen(at('socket.csv'));
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => server.close());
  symlinkSync(join(outside, 'inner.csv'), at('link.csv'));
  symlinkSync('nowhere.csv', at('dangling.csv'));
  symlinkSync(outside, at('link to a directory.csv'));
  const things = ['fifo.csv', 'socket.csv', 'link.csv', 'dangling.csv', 'link to a directory.csv'];
  if (isRoot) {
    execFileSync('mknod', [at('device.csv'), 'c', '1', '5']);
    things.push('device.csv');
  }
  for (const name of things) world.bystander('input', name);
  return things;
}

const KINDS: Record<string, RegExp> = {
  'fifo.csv': /fifo/,
  'socket.csv': /socket/,
  'link.csv': /symlink/,
  'dangling.csv': /symlink/,
  'link to a directory.csv': /symlink/,
  'device.csv': /device/,
};

test('a FIFO, socket, device or symlink is never opened and never moved', async (t) => {
  if (skipUnlessInstalled(t, 'strace', 'that things are not opened')) return;
  const world = createWorld(t);
  const things = await layThings(t, world);
  mkdirSync(join(world.input, 'directory.csv'));
  world.drop('directory.csv/in it.csv', 100);
  world.drop('plain.csv', 100);
  const trace = join(world.root, 'trace');
  await world.runOnce([], {
    wrap: ['strace', '-f', '-qq', '--seccomp-bpf', '-e', 'trace=open,openat,openat2,creat', '-o', trace],
  });
  world.check();
  const opens = readFileSync(trace, 'utf8');
  assert.match(opens, /"plain\.csv"/, 'the trace shows what is opened');
  for (const name of [...things, 'inner.csv']) {
    assert(!opens.includes(`${name}"`), `${name} was opened`);
  }
});

test('explain says what a thing is that is no file', async (t) => {
  const world = createWorld(t);
  const things = await layThings(t, world);
  await world.runOnce();
  for (const name of things) {
    const { stdout, code, stderr } = await world.run('ingest-ctl', ['explain', join(world.input, name)]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, KINDS[name]!, name);
    assert.match(stdout, /only regular files/, name);
  }
});

test('a hard link that is kept elsewhere and written later does not change the stored bytes', async (t) => {
  const world = createWorld(t);
  const { sha256 } = world.drop('linked.csv', 5_000);
  const elsewhere = join(world.root, 'kept elsewhere');
  linkSync(join(world.input, 'linked.csv'), elsewhere);
  await world.runOnce();
  const fd = openSync(elsewhere, 'r+');
  writeSync(fd, 'overwritten', 0);
  closeSync(fd);
  world.check();
  assert.equal(world.warehouse()[0]!.sha256, sha256);
  assert.equal(world.manifest()[0]!.record!.seal, 'copy');
});

test('two names of one inode are a file and its duplicate', async (t) => {
  const world = createWorld(t);
  const first = world.drop('first name.csv', 5_000);
  linkSync(join(world.input, 'first name.csv'), join(world.input, 'second name.csv'));
  world.dropped.push({ ...first, name: asName('second name.csv') });
  await world.runOnce();
  world.check();
  assert.equal(world.duplicates().length, 1);
});

test('a parent directory that is swapped for a symlink leads nowhere, neither at the seal nor at a scan', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0.2 } });
  const outside = join(world.root, 'outside');
  mkdirSync(join(outside), { recursive: true });
  const foreign = join(outside, 'same name.csv');
  writeFileSync(foreign, 'this was never dropped');
  await world.runOnce();
  await world.run('ingest-ctl', ['pause', 'verify-complete']);
  world.drop('folder/same name.csv', 100, { optional: true });
  world.start('ingest');
  await until('its job', () => world.jobs().some((job) => job.key === asName('folder/same name.csv')));
  renameSync(join(world.input, 'folder'), join(world.root, 'folder that was'));
  symlinkSync(outside, join(world.input, 'folder'));
  await world.run('ingest-ctl', ['resume', 'verify-complete']);
  const job = await until('the end of its job', () => world.jobs().find(({ state }) => state === 'done'));
  assert.equal(job.ending, 'dropped');
  await world.stop();
  await world.runOnce();
  assert.equal(readFileSync(foreign, 'utf8'), 'this was never dropped');
  assert.deepEqual(world.warehouse(), []);
  rmSync(join(world.input, 'folder'));
  world.check();
});
