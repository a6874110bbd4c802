/**
 * Verbs of an operator one after the other: short sequences in which what rows, lines, corrections and files say of one path or
 * one content does not fit together at first sight. Each was answered wrongly once; the generated test beside this finds more.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Control, compilePreload } from '../crash/control.js';
import { backedUp, loseState, rebuilt, refused, restore, stoppedBefore } from '../world/lost.js';
import { manifestLines } from '../world/manifest.js';
import { createWorld, type World } from '../world/world.js';

/** It moves the clock. */
const TOOLS = mkdtempSync(join(tmpdir(), 'ingest-operators-'));
after(() => rmSync(TOOLS, { recursive: true }));
const LIBRARY = compilePreload(TOOLS);
const limit = { timeout: 120_000, skip: LIBRARY === undefined && 'no C compiler: the clock cannot be moved' };
const WHY = ['--reason', 'by the test'];
const AT_ONCE = { options: { stabilitySeconds: 0, settleMs: 0 } };

const ctl = (world: World, ...words: string[]) => world.run('ingest-ctl', words);
async function ctlDone(world: World, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await ctl(world, ...words);
  assert.equal(code, 0, stdout + stderr);
  return stdout;
}
/** Ends with everything settled. */
async function dropped(world: World, name: string, content: Buffer): Promise<string> {
  const { sha256 } = world.drop(name, content);
  await world.runOnce();
  return sha256;
}
async function withdrawn(world: World, word: string): Promise<void> {
  await ctlDone(world, 'withdraw', word, ...WHY);
  await world.runOnce();
}
async function allowed(world: World, sha256: string): Promise<void> {
  await ctlDone(world, 'allow-again', sha256, ...WHY);
  world.generations.set(sha256, 1 + (world.generations.get(sha256) ?? 1));
}
/** A name that was freed in the warehouse is given again only seconds later: until then it is reserved. */
async function afterAMinute(world: World): Promise<void> {
  await withClock(world, 60_000, (env) => world.runOnce([], { env }));
}
async function withClock(world: World, ms: number, act: (env: NodeJS.ProcessEnv) => Promise<unknown>): Promise<void> {
  const control = new Control(join(world.root, 'control'));
  control.set('wall_ns', ms * 1e6);
  await act({ LD_PRELOAD: LIBRARY, CRASH_CONTROL: control.path });
  control.close();
}
const pathOf = (world: World, line: number): string => world.manifest()[line]!.record!.warehouse_path;
const corrections = (world: World): number => manifestLines(world.feed().manifests, 'corrections.jsonl').length;

/** What stands in the manifests lies in the warehouse, and an audit that reads every byte agrees. */
async function agrees(world: World): Promise<void> {
  world.check();
  const { code, stdout, stderr } = await ctl(world, 'audit', '--hash');
  assert.equal(code, 0, stdout + stderr);
}

/** A correction takes its line back, however many lines name that path. */
for (const [what, sizes] of Object.entries({
  'the same content, allowed again': [700],
  'other bytes of the same size': [700, 700],
  'other bytes': [700, 300],
})) {
  test(
    `a path is used again after a withdrawal by ${what}, and the state is lost: its file stays`,
    limit,
    async (t) => {
      const world = createWorld(t, AT_ONCE);
      const [first, second = first] = sizes.map((bytes) => world.content(bytes)) as [Buffer, Buffer?];
      const sha256 = await dropped(world, 'orders.csv', first);
      await withdrawn(world, sha256);
      world.withdrawn.add(sha256);
      await afterAMinute(world);
      if (second === first) await allowed(world, sha256);
      await dropped(world, 'orders.csv', second);
      assert.equal(pathOf(world, 0), pathOf(world, 1), 'the name was free again');
      loseState(world);
      await rebuilt(world);
      await world.runOnce();
      assert.deepEqual(readFileSync(pathOf(world, 1)), second);
      await agrees(world);
    },
  );
}

test('a held withdrawal is retried after its path was used again: the next generation stays', limit, async (t) => {
  const world = createWorld(t, AT_ONCE);
  const content = world.content(700);
  const { sha256 } = world.drop('orders.csv', content, { optional: true }); // somebody writes over it
  await world.runOnce();
  const path = pathOf(world, 0);
  await ctlDone(world, 'withdraw', sha256, ...WHY);
  writeFileSync(path, 'somebody put another file there');
  await withClock(world, 60_000, (env) => world.runOnce([], { code: 4, env }));
  rmSync(path);
  world.withdrawn.add(sha256);
  await allowed(world, sha256);
  world.drop('orders.csv', content);
  await world.runOnce([], { code: 4 });
  await ctlDone(world, 'retry', '--all');
  await world.runOnce();
  assert.deepEqual(readFileSync(pathOf(world, 1)), content);
  await agrees(world);
});

test(
  'a backup of before a second generation comes back: refused until rebuild, and generations go on at 3',
  limit,
  async (t) => {
    const world = createWorld(t, AT_ONCE);
    const content = world.content(700);
    const sha256 = await dropped(world, 'orders.csv', content);
    const backup = backedUp(world);
    await allowed(world, sha256);
    await dropped(world, 'orders.csv', content);
    restore(world, backup);
    refused(await world.run('ingest', ['--once']), /this state does not know/);
    await rebuilt(world);
    await agrees(world);
    assert.match(await ctlDone(world, 'allow-again', sha256, ...WHY), /its generation 3\n/);
    world.generations.set(sha256, 3);
    await dropped(world, 'orders.csv', content);
    assert.deepEqual(
      world.manifest().map(({ record }) => record!.generation ?? 1),
      [1, 2, 3],
    );
    await agrees(world);
  },
);

test(
  'a backup of before a withdrawal comes back: refused until rebuild, which knows it as withdrawn',
  limit,
  async (t) => {
    const world = createWorld(t, AT_ONCE);
    const content = world.content(700);
    const sha256 = await dropped(world, 'orders.csv', content);
    const backup = backedUp(world);
    await withdrawn(world, sha256);
    world.withdrawn.add(sha256);
    restore(world, backup);
    refused(await world.run('ingest', ['--once']), /this state does not know/);
    await rebuilt(world);
    await world.runOnce();
    await agrees(world);
    await dropped(world, 'later.csv', content);
    assert.equal(world.duplicates().length, 1);
    await agrees(world);
  },
);

test(
  'a held withdrawal is discarded while its name lies in the input again: it ends, and that file goes in',
  limit,
  async (t) => {
    const world = createWorld(t, { options: { ...AT_ONCE.options, mode: 'sidecar' } });
    world.sidecar('orders.csv');
    const sha256 = await dropped(world, 'orders.csv', world.content(700));
    const path = pathOf(world, 0);
    await ctlDone(world, 'withdraw', sha256, ...WHY);
    renameSync(path, join(world.root, 'taken by a consumer'));
    writeFileSync(path, 'somebody put another file there');
    await world.runOnce([], { code: 4 });
    world.drop('orders.csv', 300);
    await ctlDone(world, 'discard', '--all');
    await world.runOnce(); // the file has no sidecar yet, and waits for it
    assert.deepEqual(
      world.jobs().filter(({ state, stage }) => state !== 'done' && stage !== 'verify-complete'),
      [],
    );
    world.sidecar('orders.csv');
    await world.runOnce();
    assert.equal(corrections(world), 1);
    assert.equal(readFileSync(path, 'utf8'), 'somebody put another file there');
    assert.equal(world.manifest().length, 2);
    assert.deepEqual(readFileSync(pathOf(world, 1)).length, 300);
  },
);

test('a path that two records had names the one that lies there', limit, async (t) => {
  const world = createWorld(t, AT_ONCE);
  const first = await dropped(world, 'orders.csv', world.content(700));
  await withdrawn(world, first);
  world.withdrawn.add(first);
  await afterAMinute(world);
  const second = await dropped(world, 'orders.csv', world.content(300));
  const path = pathOf(world, 0);
  assert.equal(path, pathOf(world, 1));
  const allows = await ctlDone(world, 'allow-again', path, ...WHY);
  assert.match(allows, new RegExp(second));
  await withdrawn(world, path);
  world.withdrawn.add(second);
  await agrees(world);
  assert.equal(world.warehouse().length, 0);
});

test(
  'a content of which one generation is withdrawn and one stands: it is said which one stands, or that one goes',
  limit,
  async (t) => {
    const world = createWorld(t, AT_ONCE);
    const content = world.content(700);
    const sha256 = await dropped(world, 'orders.csv', content);
    await allowed(world, sha256);
    await dropped(world, 'orders.csv', content);
    await withdrawn(world, pathOf(world, 1));
    world.withdrawn.add(sha256);
    const { code, stderr } = await ctl(world, 'withdraw', sha256, ...WHY);
    if (code !== 0) assert(stderr.includes(pathOf(world, 0)), `the generation that stands is not named: ${stderr}`);
    await world.runOnce();
    assert.equal(world.warehouse().length, code === 0 ? 0 : 1);
    await agrees(world);
  },
);

test(
  'a twin that came at once and was asked long after is a duplicate, whatever time a repetition needs',
  limit,
  async (t) => {
    const world = createWorld(t, { options: { ...AT_ONCE.options, sameContentAgainAfter: '1h' } });
    const content = world.content(700);
    await dropped(world, 'orders.csv', content);
    await stoppedBefore(world, 'hash', () => world.drop('twin.csv', content), 1);
    await ctlDone(world, 'resume', 'hash');
    await withClock(world, 2 * 3_600_000, (env) => world.runOnce([], { env }));
    assert.deepEqual([world.manifest().length, world.duplicates().length], [1, 1]);
    await agrees(world);
  },
);
