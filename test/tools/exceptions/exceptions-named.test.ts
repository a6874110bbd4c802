/** Which content an operator's word means, and what is on disk when `withdraw` answers. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Tx } from '../../../queue/backend.js';
import { openState } from '../../../src/ingest/ledger/open-state.js';
import { forgetRecords, notePrunedUntil } from '../../../src/ingest/ledger/pruned.js';
import { skipUnlessInstalled } from '../../simulate/installed.js';
import { loseState, rebuilt } from '../../world/lost.js';
import { createWorld, type World } from '../../world/world.js';

const AT_ONCE = { options: { stabilitySeconds: 0, quietMs: 0 } };
const WHY = ['--reason', 'by the test'];

async function dropped(world: World, name: string, content: Buffer): Promise<string> {
  world.drop(name, content);
  await world.runOnce();
  return world.dropped.at(-1)!.sha256;
}

async function changed(world: World, act: (tx: Tx) => void): Promise<void> {
  const state = await openState({ statePath: world.statePath, title: 'test', maxAttempts: 1 });
  await state.transact(act);
  await state.close();
}

const rowOf = (tx: Tx, sha256: string): number =>
  tx.get<{ row: number }>('SELECT row FROM contents WHERE sha256 = ?', Buffer.from(sha256, 'hex'))!.row;

/** The folder of its only line. */
const hourOf = (world: World): string => folderAt(Date.parse(world.manifest()[0]!.record!.ingested_at));
const folderAt = (ms: number): string => new Date(ms).toISOString().slice(0, 13).replace(/[-T]/g, '/');

test('a path whose newest version was pruned never means an older version', async (t) => {
  const world = createWorld(t, AT_ONCE);
  const first = await dropped(world, 'orders.csv', world.content(700));
  const second = await dropped(world, 'orders.csv', world.content(800));
  // As a prune leaves it that was killed between the records and the jobs.
  await changed(world, (tx) => {
    assert.equal(forgetRecords(tx, [rowOf(tx, second)]), 1);
  });
  const { code, stderr } = await world.run('ingest-ctl', ['withdraw', join(world.input, 'orders.csv'), ...WHY]);
  assert.equal(code, 2, stderr);
  assert.match(stderr, new RegExp(`the record of ${second} was pruned`));
  assert.ok(world.ledger().some(({ sha256, state }) => sha256 === first && state === 'stored'));
});

test('withdraw answers when its correction is on disk', async (t) => {
  const world = createWorld(t, AT_ONCE);
  const sha256 = await dropped(world, 'orders.csv', world.content(700));
  const { code, stderr } = await world.run('ingest-ctl', ['withdraw', sha256, ...WHY]);
  assert.equal(code, 0, stderr);
  const hour = hourOf(world);
  const text = readFileSync(join(world.feed().manifests, hour, 'corrections.jsonl'), 'utf8');
  assert.match(text, new RegExp(`"sha256":"${sha256}".*"by":`));
});

test('a correction that cannot be written now is said, and a worker writes it', async (t) => {
  const world = createWorld(t, AT_ONCE);
  const sha256 = await dropped(world, 'orders.csv', world.content(700));
  const hour = hourOf(world);
  const inTheWay = join(world.feed().manifests, hour, 'corrections.jsonl');
  mkdirSync(inTheWay);
  const { code, stderr } = await world.run('ingest-ctl', ['withdraw', sha256, ...WHY]);
  assert.equal(code, 3, stderr);
  assert.match(stderr, /its correction cannot be written now/);
  execFileSync('rmdir', [inTheWay]);
  world.withdrawn.add(sha256);
  await world.runOnce();
  world.check();
  assert.ok(existsSync(inTheWay));
});

test('the folder of a manifest that was made and never synced is synced at its next opening', async (t) => {
  if (skipUnlessInstalled(t, 'strace', 'which directories are synced')) return;
  const world = createWorld(t, AT_ONCE);
  await dropped(world, 'first.csv', world.content(300));
  // As a process leaves it that died before its sync. The run may reach into the next hour.
  const hours = [0, 1].map((n) => folderAt(Date.now() + n * 3_600_000));
  for (const hour of hours) {
    const folder = join(world.feed().manifests, hour);
    mkdirSync(folder, { recursive: true });
    if (!existsSync(join(folder, 'manifest.jsonl'))) writeFileSync(join(folder, 'manifest.jsonl'), '');
    else execFileSync('truncate', ['-s', '0', join(folder, 'manifest.jsonl')]);
  }
  world.drop('second.csv', 400);
  const log = join(world.root, 'syncs');
  await world.runOnce([], { wrap: ['strace', '-f', '-qq', '-y', '--seccomp-bpf', '-e', 'trace=fsync', '-o', log] });
  const synced = readFileSync(log, 'utf8');
  const root = realpathSync(world.feed().manifests);
  const folder = hours.map((hour) => join(root, hour)).find((path) => synced.includes(`<${path}>`));
  assert.ok(folder, 'the folder of the hour');
  for (const parent of [join(folder, '..'), join(folder, '../..'), join(folder, '../../..'), root])
    assert.ok(synced.includes(`<${parent}>`), parent);
});

test('a version whose record was pruned keeps its file, and no older one takes its place', async (t) => {
  const world = createWorld(t, AT_ONCE);
  const first = await dropped(world, 'orders.csv', world.content(700));
  const path = world.manifest()[0]!.record!.warehouse_path;
  rmSync(path);
  const second = await dropped(world, 'orders.csv', world.content(800));
  const its = world.manifest()[1]!.record!.warehouse_path;
  assert.notEqual(its, path, 'a name is given once');
  // The jobs are not known any more.
  loseState(world);
  await rebuilt(world);
  await changed(world, (tx) => {
    notePrunedUntil(tx, Date.now());
    assert.equal(forgetRecords(tx, [rowOf(tx, second)]), 1);
  });
  const byName = await world.run('ingest-ctl', ['withdraw', join(world.input, 'orders.csv'), ...WHY]);
  assert.equal(byName.code, 2, byName.stderr);
  assert.match(byName.stderr, /may have been pruned/);
  const byHash = await world.run('ingest-ctl', ['withdraw', first, ...WHY]);
  assert.equal(byHash.code, 0, byHash.stderr);
  await world.runOnce();
  assert.ok(existsSync(its), 'the file of the other one');
  assert.equal(world.jobs().filter(({ state }) => state === 'held').length, 0);
});
