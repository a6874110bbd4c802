/**
 * `ingest-ctl rebuild` from the files of a lost state: torn and withdrawn lines, rotated and compressed manifests, private
 * copies, sidecars, mounts, several feeds.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
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
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { loseState, rebuild, rebuilt, refused, stateFiles, stoppedBefore } from '../../world/lost.js';
import { tmpfsMount } from '../../world/mounts.js';
import { skipUnlessRoot } from '../../world/users.js';
import { until } from '../../world/waiting.js';
import { createWorld, type World } from '../../world/world.js';
import { zstdFrame } from '../../world/zstd.js';

/** No quiet window: a file is sealed at once. */
const AT_ONCE = { stabilitySeconds: 0, quietMs: 0 };

test('a torn last line is kept and reported, and its file is ingested again with a new line', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
  world.drop('first.csv', 100);
  await world.runOnce();
  const second = world.drop('second.csv', 100);
  await world.runOnce();
  // A crash between intent and confirmation leaves half a line, and the file still in underprocess/.
  const [line] = world.manifest().filter(({ record }) => record!.sha256 === second.sha256);
  const manifest = join(world.feed().manifests, line!.file);
  const whole = readFileSync(manifest);
  const torn = whole.subarray(0, whole.length - 40);
  writeFileSync(manifest, torn);
  const sealed = join(world.root, '.input.ingest/underprocess', `${line!.record!.ingest_id}~second.csv`);
  renameSync(line!.record!.warehouse_path, sealed);
  loseState(world);

  const { stdout } = await rebuilt(world);
  assert.match(stdout, /a line that was cut short: its file is ingested again, with a new line/);
  const ended = await world.runOnce();
  assert(ended.events.some(({ event }) => event === 'manifest_foreign_lines'));
  const after = readFileSync(manifest);
  assert(after.subarray(0, torn.length).equals(torn), 'nothing was cut or changed');
  const [kept, again] = after
    .subarray(torn.length - 20)
    .toString()
    .trimEnd()
    .split('\n')
    .slice(-2);
  assert(kept && JSON.parse(again!).sha256 === second.sha256);
  assert.deepEqual(
    world.differences().map(({ kind }) => kind),
    ['torn_line'],
  );
});

test('corrections, rotated and compressed manifests, and a consumer that took files', async (t) => {
  const world = createWorld(t);
  const names = ['plain', 'zipped', 'packed', 'taken', 'withdrawn'];
  const dropped = names.map((name) => world.drop(`${name}.csv`, 100));
  await world.runOnce();
  const [file] = world.manifest().map((line) => join(world.feed().manifests, line.file));
  const of = (name: string) => world.manifest().find(({ record }) => record!.path.endsWith(`/${name}.csv`))!;
  const lines = Object.fromEntries(names.map((name) => [name, of(name)]));
  writeFileSync(`${file!}.1.gz`, gzipSync(`${lines.zipped!.raw}\n`));
  writeFileSync(`${file!}-20300102.zst`, zstdFrame(`${lines.packed!.raw}\n`));
  writeFileSync(file!, ['plain', 'taken', 'withdrawn'].map((name) => `${lines[name]!.raw}\n`).join(''));
  rmSync(lines.taken!.record!.warehouse_path);
  rmSync(lines.withdrawn!.record!.warehouse_path);
  const { ingest_id, sha256 } = lines.withdrawn!.record!;
  const correction = { correction: 'withdrawn', ingest_id, sha256, feed: 'default' };
  writeFileSync(join(dirname(file!), 'corrections.jsonl'), `${JSON.stringify(correction)}\n`);
  loseState(world);

  const { stdout } = await rebuilt(world);
  assert.match(stdout, /5 records in 3 manifest files/);
  assert.match(stdout, /3 stored, their files are in the warehouse/);
  assert.match(stdout, /1 stored, but not in the warehouse/);
  assert.match(stdout, /1 withdrawn/);
  const ledger = new Map(world.ledger().map((row) => [row.sha256, row.state]));
  assert.equal(ledger.get(dropped[3]!.sha256), 'unconfirmed');
  assert(!ledger.has(sha256), 'the withdrawn content is free');

  // Known contents are duplicates, the free content is stored.
  const known = ['plain', 'zipped', 'packed'].map((name) => readFileSync(lines[name]!.record!.warehouse_path));
  for (const [n, bytes] of known.entries()) writeFileSync(join(world.input, `again-${n}.csv`), bytes);
  await world.runOnce();
  assert.equal(world.duplicates().length, 3);
});

test('with every content withdrawn, the empty ledger of a rebuilt state is correct', async (t) => {
  const world = createWorld(t);
  world.drop('first.csv', 100);
  await world.runOnce();
  const { record, file } = world.manifest()[0]!;
  rmSync(record!.warehouse_path);
  const correction = { correction: 'withdrawn', ingest_id: record!.ingest_id, sha256: record!.sha256, feed: 'default' };
  writeFileSync(join(world.feed().manifests, dirname(file), 'corrections.jsonl'), `${JSON.stringify(correction)}\n`);
  loseState(world);
  await rebuilt(world);
  assert.deepEqual(world.ledger(), []);
  await world.runOnce();
});

test('of several feeds with shared manifests, each is rebuilt and checked by its own lines', async (t) => {
  const shared = mkdtempSync(join(tmpdir(), 'manifests-'));
  t.after(() => rmSync(shared, { recursive: true }));
  const world = createWorld(t, { feeds: { one: { manifests: shared }, two: { manifests: shared } } });
  for (const feed of ['one', 'two']) for (let n = 0; n < 10; n++) world.drop(`${n}.csv`, 100, { feed });
  await world.runOnce();
  await world.runOnce();
  loseState(world);
  refused(await world.run('ingest', ['--once']), /state\.db is gone/);
  const { stdout } = await rebuilt(world);
  assert.equal(stdout.match(/10 stored, their files/g)?.length, 2);
  assert.doesNotMatch(stdout, /content of another record/);
  await world.runOnce();
  for (const feed of ['one', 'two']) assert.equal(world.ledger(feed).length, 10);
});

test('folders of two states are not rebuilt as one', async (t) => {
  const [world, other] = [createWorld(t), createWorld(t)];
  for (const one of [world, other]) {
    one.drop('first.csv', 100);
    await one.runOnce();
    loseState(one);
  }
  const flags = world.flags('ingest').map((flag) => flag.replace(world.feed().manifests, other.feed().manifests));
  refused(
    await world.launch('ingest-ctl', ['rebuild', ...flags]).ended,
    /belongs to the state .* one rebuild is for one state/,
  );
  assert.deepEqual(stateFiles(world), []);
});

test('a sealed sidecar goes on with its file, and its checksum is still checked', async (t) => {
  const world = createWorld(t, { options: { ...AT_ONCE, mode: 'sidecar' } });
  await stoppedBefore(
    world,
    'hash',
    () => {
      world.drop('right.csv', 100);
      world.sidecar('right.csv', '');
      const wrong = world.drop('wrong.csv', 100);
      world.sidecar('wrong.csv', `${'0'.repeat(64)}  wrong.csv\n`);
      world.held.add(wrong.sha256);
    },
    2,
  );
  loseState(world);
  await rebuilt(world);
  await world.runOnce([], { code: 4 });
  const [held] = world.jobs().filter(({ state }) => state === 'held');
  assert.equal(held?.hold_code, 'checksum_mismatch');
  assert.equal(world.manifest().length, 1);
});

/** The kernel gives changes within one tick the same time. */
async function nextTick(world: World): Promise<void> {
  const path = join(world.root, 'a tick');
  const now = () => {
    writeFileSync(path, '');
    return statSync(path, { bigint: true }).ctimeNs;
  };
  const before = now();
  await until('the next tick', () => now() > before);
}

test('a sidecar sealed without its file goes back beside it, unless the file was replaced', async (t) => {
  const world = createWorld(t, { options: { ...AT_ONCE, mode: 'sidecar' } });
  world.drop('first.csv', 100);
  world.sidecar('first.csv');
  await world.runOnce();
  const sealed = (n: number, name: string) =>
    join(world.root, '.input.ingest/underprocess', `0${n}${'0'.repeat(24)}.ok~${name}`);
  for (const [n, name] of ['same.csv', 'replaced.csv', 'gone.csv'].entries()) {
    if (name !== 'gone.csv') world.drop(name, 100);
    world.sidecar(name);
    await nextTick(world);
    renameSync(join(world.input, `${name}.ok`), sealed(n + 1, name));
  }
  rmSync(join(world.input, 'replaced.csv'));
  writeFileSync(join(world.input, 'replaced.csv'), 'another version');
  // An earlier one of the same job was put aside for a right one.
  const failed = join(world.root, '.input.ingest/failed');
  mkdirSync(failed, { recursive: true });
  writeFileSync(join(failed, basename(sealed(3, 'gone.csv'))), 'put aside');
  loseState(world);
  const { stdout } = await rebuilt(world);
  assert.match(stdout, /1 sealed as a sidecar without its file/);
  assert.match(stdout, /2 sealed as the sidecar of a version that is gone/);
  assert(existsSync(join(world.input, 'same.csv.ok')));
  assert(!existsSync(join(world.input, 'replaced.csv.ok')));
  assert.equal(world.failed().length, 3);
  await world.runOnce();
  assert.equal(world.manifest().length, 2, 'the one with its sidecar went in, the other one waits for its own');
});

test('a discarded file whose move to failed/ was interrupted is not ingested', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await stoppedBefore(world, 'move', () => world.drop('given-up.csv', 100), 1);
  const [{ record, file }] = world.manifest() as [ReturnType<World['manifest']>[0]];
  const { ingest_id, sha256 } = record!;
  const correction = { correction: 'withdrawn', ingest_id, sha256, feed: 'default' };
  writeFileSync(join(world.feed().manifests, dirname(file), 'corrections.jsonl'), `${JSON.stringify(correction)}\n`);
  loseState(world);
  const { stdout } = await rebuilt(world);
  assert.match(stdout, /1 discarded before/);
  await world.runOnce();
  assert.equal(world.manifest().length, 1, 'no new line');
  assert.equal(world.failed().length, 1);
  assert.deepEqual(world.underprocess(), []);
});

test('private copies, and files that were sealed inside another mount, go on too', async (t) => {
  if (skipUnlessRoot(t, 'a rebuild of files that were sealed inside another mount')) return;
  const world = createWorld(t, { options: AT_ONCE });
  tmpfsMount(join(world.input, 'mounted'));
  await stoppedBefore(
    world,
    'move',
    () => {
      world.drop('mounted/inner.csv', 100);
      world.drop('linked.csv', 100);
      // A second name: the kernel cannot say who writes to it, so it is copied.
      execFileSync('ln', [join(world.input, 'linked.csv'), join(world.root, 'elsewhere')]);
    },
    2,
  );
  assert(readdirSync(join(world.root, '.input.ingest/underprocess')).some((name) => /\.copy~/.test(name)));
  loseState(world);
  const { stdout } = await rebuilt(world);
  assert.match(stdout, /2 with a line and still in underprocess/);
  const stages = world.jobs().map(({ stage }) => stage);
  assert.deepEqual(stages, ['move', 'move'], 'neither is hashed or copied again');
  await world.runOnce();
  assert.equal(world.manifest().length, 2);
  world.check();
  assert.deepEqual(readdirSync(join(world.input, 'mounted/.ingest/underprocess')), []);
});

test('a manifest that cannot be read to its end stops the rebuild, and nothing is made', async (t) => {
  const world = createWorld(t);
  for (let n = 0; n < 20; n++) world.drop(`${n}.csv`, 100);
  await world.runOnce();
  const [line] = world.manifest();
  const path = join(world.feed().manifests, line!.file);
  const packed = gzipSync(readFileSync(path));
  writeFileSync(`${path}.1.gz`, packed.subarray(0, packed.length - 20));
  loseState(world);
  const cut = await rebuild(world);
  refused(cut, /manifest\.jsonl\.1\.gz cannot be read .*restore it/);
  writeFileSync(`${path}.1.gz`, Buffer.from('fd377a585a0000', 'hex'));
  refused(await rebuild(world), /packed by xz/);
  rmSync(`${path}.1.gz`);
  writeFileSync(`${path}.1.br`, brotliCompressSync('{}'));
  refused(await rebuild(world), /packed by brotli/);
  assert(!existsSync(world.statePath));
});

test('the log of a lost state is moved aside, and never read into the new state', async (t) => {
  const world = createWorld(t);
  const program = world.start('ingest');
  const first = world.drop('first.csv', 100);
  await world.isStored(first);
  await world.killAll();
  assert(!program.running);
  assert(existsSync(`${world.statePath}-wal`), 'a killed state leaves its log');
  rmSync(world.statePath);
  await rebuilt(world);
  assert(stateFiles(world).some((name) => /^state\.db\.before-rebuild-.*-wal$/.test(name)));
  await world.runOnce();
  world.check();
});
