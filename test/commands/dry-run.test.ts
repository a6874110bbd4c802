/** `ingest --dry-run`: its verdicts come true, and it changes nothing, not even on mounts where it could not. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, lstatSync, openSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { safeText } from '../../src/base/telemetry/safe.js';
import { shownName } from '../../src/linux/names.js';
import { bindMount, remount, unmount } from '../world/mounts.js';
import { files } from '../world/tree.js';
import { ordinaryUser, skipUnlessReachable, skipUnlessRoot } from '../world/users.js';
import { createWorld, type World } from '../world/world.js';
import { inputPath, withHeldFile } from './cases.js';

/** The metadata of every file and directory below the world's root: any change alters it. */
function everything(world: World): string[] {
  return readdirSync(world.root, { recursive: true, encoding: 'latin1' })
    .map((name) => {
      const { mode, size, mtimeNs, ctimeNs, ino } = lstatSync(Buffer.from(join(world.root, name), 'latin1'), {
        bigint: true,
      });
      return [name, mode, size, mtimeNs, ctimeNs, ino].join(' ');
    })
    .sort();
}

interface Told {
  verdicts: Map<string, string>;
  reasons: Map<string, string>;
  total: string;
}

async function dryRun(world: World, args: string[] = [], code = 0): Promise<Told> {
  const ended = await world.run('ingest', ['--dry-run', ...args]);
  assert.equal(ended.code, code, ended.stderr);
  const rows = ended.stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t') as [string, string, string]);
  const total = rows.pop()!;
  assert.equal(total[0], 'total');
  return {
    verdicts: new Map(rows.map(([verdict, path]) => [path, verdict])),
    reasons: new Map(rows.map(([, path, reason]) => [path, reason])),
    total: total.slice(1).join(', '),
  };
}

/** One of each: new, twin, known, held before, too large, hidden, temporary, empty, odd names. */
async function mixed(t: TestContext): Promise<World> {
  const world = createWorld(t);
  world.drop('known.csv', 'stored before');
  await world.runOnce();
  await withHeldFile(world);
  world.drop('again.csv', 'stored before');
  world.drop('new.csv', 300_000);
  world.drop('sub/deep/new.csv', 100);
  world.drop('twin-1.csv', 'the same');
  world.drop('twin-2.csv', 'the same');
  world.drop('empty.csv', '');
  world.drop(Buffer.from('bad\xff\n\u001b[31m.csv', 'latin1'), 10);
  for (const name of ['.hidden.csv', 'half.tmp']) writeFileSync(join(world.input, name), 'x');
  symlinkSync('new.csv', join(world.input, 'link.csv'));
  execFileSync('mkfifo', [join(world.input, 'pipe.csv')]);
  return world;
}

function assertMixed({ verdicts, reasons, total }: Told): void {
  assert.equal(verdicts.get('new.csv'), 'store');
  assert.equal(verdicts.get('sub/deep/new.csv'), 'store');
  assert.equal(verdicts.get('empty.csv'), 'store');
  assert.equal(verdicts.get('again.csv'), 'duplicate');
  assert.match(reasons.get('again.csv')!, /stored before as ingest_date=.+known\.csv/);
  assert.deepEqual(new Set([verdicts.get('twin-1.csv'), verdicts.get('twin-2.csv')]), new Set(['store', 'duplicate']));
  assert.equal(verdicts.get('large.csv'), 'hold');
  assert.equal(verdicts.get('.hidden.csv'), 'ignore');
  assert.equal(verdicts.get('half.tmp'), 'ignore');
  assert.equal(verdicts.get('bad\ufffd\\u000a\\u001b[31m.csv'), 'store');
  assert.equal(verdicts.has('link.csv'), false);
  assert.match(total, /^10 files, .*1 symlink \(never opened\)/);
  assert.match(total, /1 fifo \(never opened\)/);
}

test('a dry run lists each file and changes nothing, and the real run after it does what it listed', async (t) => {
  const world = await mixed(t);
  const before = everything(world);
  const told = await dryRun(world);
  assert.deepEqual(everything(world), before);
  assertMixed(told);

  await world.runOnce([], { code: 4 });
  const stored = world.log.named('file_ingested').length - 1;
  assert.equal(stored, [...told.verdicts.values()].filter((verdict) => verdict === 'store').length);
  const duplicates = [...told.verdicts.values()].filter((verdict) => verdict === 'duplicate').length;
  assert.equal(world.log.named('file_skipped_duplicate').length, duplicates);
});

test('a dry run needs no state and creates none', async (t) => {
  const world = createWorld(t);
  world.drop('a.csv', 10);
  const before = everything(world);
  const { verdicts } = await dryRun(world);
  assert.deepEqual([...verdicts], [['a.csv', 'store']]);
  assert.deepEqual(everything(world), before);
});

test('on read-only mounts, also of the state, the verdict of each file is the result of the real run', async (t) => {
  if (skipUnlessRoot(t, 'that --dry-run works on read-only mounts')) return;
  const world = await mixed(t);
  const places = [world.input, world.feed().warehouse, world.feed().manifests, join(world.root, 'state')];
  for (const place of places) {
    bindMount(place, place);
    remount(place, 'ro');
  }
  assert.throws(() => writeFileSync(join(world.input, 'x'), ''), { code: 'EROFS' });
  const told = await dryRun(world);
  assertMixed(told);
  for (const place of places) unmount(place, { busy: 'fails' });

  const since = world.log.all.length;
  await world.runOnce([], { code: 4 });
  assert.deepEqual(cameTrue(world, since), withTwinsInOrder(told.verdicts));
});

/** The result of the real run for each file, by its path as the dry run shows it. */
function cameTrue(world: World, since: number): Map<string, string> {
  const found = new Map<string, string>();
  const verdicts = { file_ingested: 'store', file_skipped_duplicate: 'duplicate' } as Record<string, string>;
  for (const { event, path } of world.log.all.slice(since)) {
    const verdict = verdicts[event];
    if (verdict !== undefined) found.set(safeText(String(path).slice(world.input.length + 1)), verdict);
  }
  for (const { key } of world.jobs().filter(({ state }) => state === 'held'))
    found.set(safeText(shownName(key)), 'hold');
  for (const { path } of files(world.input)) {
    if (!found.has(safeText(shownName(path)))) found.set(safeText(shownName(path)), 'ignore');
  }
  return withTwinsInOrder(found);
}

/** The order in the run decides which of two files of one content comes first. */
function withTwinsInOrder(verdicts: Map<string, string>): Map<string, string> {
  const twins = ['twin-1.csv', 'twin-2.csv'];
  const sorted = twins.map((name) => String(verdicts.get(name))).sort();
  return new Map([...verdicts, ...twins.map((name, i) => [name, sorted[i]!] as const)].sort());
}

test('manifests that belong to another state are refused, as the real run refuses them', async (t) => {
  const world = createWorld(t);
  world.drop('a.csv', 100);
  await world.runOnce();
  const other = world.flags('ingest').map((flag) => flag.replace(world.statePath, join(world.root, 'other.db')));
  const { code, stderr } = await world.launch('ingest', [...other, '--dry-run']).ended;
  assert.equal(code, 3, stderr);
  assert.match(stderr, /belongs to the state .*two states would ingest the same content twice/);
});

test('a dry run beside a running ingestor knows the files that are stored already', async (t) => {
  const world = createWorld(t);
  world.start('ingest');
  world.drop('a.csv', 'content');
  await world.stored(1);
  await world.run('ingest-ctl', ['pause']);
  world.drop('b.csv', 'content');
  world.drop('c.csv', 'other');
  const { verdicts } = await dryRun(world);
  assert.equal(verdicts.get('b.csv'), 'duplicate');
  assert.equal(verdicts.get('c.csv'), 'store');
});

test('sidecars: missing, right and wrong', async (t) => {
  const world = createWorld(t, { options: { mode: 'sidecar' } });
  for (const name of ['none.csv', 'plain.csv', 'right.csv', 'wrong.csv']) world.drop(name, name);
  writeFileSync(inputPath(world, 'plain.csv.ok'), '');
  writeFileSync(inputPath(world, 'right.csv.ok'), execFileSync('sha256sum', [inputPath(world, 'right.csv')]));
  writeFileSync(inputPath(world, 'wrong.csv.ok'), '0'.repeat(64));
  const { verdicts, reasons } = await dryRun(world);
  assert.equal(verdicts.get('none.csv'), 'wait');
  assert.equal(verdicts.get('plain.csv'), 'store');
  assert.equal(verdicts.get('right.csv'), 'store');
  assert.equal(verdicts.get('wrong.csv'), 'hold');
  assert.match(reasons.get('wrong.csv')!, /^checksum_mismatch/);
});

test('a file that somebody has open for writing waits', async (t) => {
  const world = createWorld(t);
  const fd = openSync(inputPath(world, 'open.csv'), 'w');
  try {
    assert.equal((await dryRun(world)).verdicts.get('open.csv'), 'wait');
  } finally {
    closeSync(fd);
  }
});

test('a dry run reports the files that an ordinary user may not read', async (t) => {
  if (skipUnlessReachable(t, ordinaryUser, 'the reason of --dry-run for an unreadable file')) return;
  const world = createWorld(t, { user: ordinaryUser });
  world.drop('secret.csv', 10);
  chmodSync(inputPath(world, 'secret.csv'), 0);
  const { reasons } = await dryRun(world);
  assert.match(reasons.get('secret.csv')!, /^unreadable/);
  assert.equal(statSync(inputPath(world, 'secret.csv')).size, 10);
});

test('a content that may come again would be stored once more, and its twin would not', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
  world.drop('first.csv', 'the same');
  await world.runOnce();
  const drop = ['again-1.csv', 'again-2.csv'].map((name) => world.drop(name, 'the same'));
  const verdicts = async (args: string[] = []): Promise<string[]> => [...(await dryRun(world, args)).verdicts.values()];
  assert.deepEqual(await verdicts(), ['duplicate', 'duplicate']);
  assert.deepEqual((await verdicts(['--same-content-again-after', '0m'])).sort(), ['duplicate', 'store']);
  const allowed = await world.run('ingest-ctl', ['allow-again', drop[0]!.sha256, '--reason', 'a test']);
  assert.equal(allowed.code, 0, allowed.stderr);
  const { reasons } = await dryRun(world);
  const [stored] = [...reasons.values()].filter((reason) => reason.includes('once more: as generation 2'));
  assert.ok(stored, [...reasons.values()].join());
  await world.runOnce();
  assert.equal(world.manifest().length, 2);
});
