import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { store } from './by-hand.js';
import { asFlags } from './layout.js';
import { Program } from './program.js';
import { until } from './waiting.js';
import { createWorld, World } from './world.js';

const sh = (world: World, script: string) => world.launch('/bin/sh', ['-c', script]);
const tellThen = (rest: string) => `echo '{"event":"one","n":1}' >&2; ${rest}`;

test('an event is found whether it was heard before the wait or after', async (t) => {
  const world = createWorld(t);
  const program = sh(world, tellThen(`read line; echo '{"event":"two"}' >&2`));
  assert.equal((await world.event('one')).n, 1);
  assert.equal((await world.event('one', (e) => e.n === 1)).heardFrom, program.pid);
  await program.ended;
  await world.event('two');
  await assert.rejects(
    world.event('one', (e) => e.n === 2, { withinMs: 20 }),
    /1 others of that name/,
  );
});

test('a wait that fails shows the end of the log of what still runs', async (t) => {
  const world = createWorld(t);
  sh(world, 'echo a plain sentence >&2; exec sleep 60');
  await until('the sentence', () => world.programs[0]!.lines.length > 0);
  await assert.rejects(
    world.event('never', undefined, { withinMs: 20 }),
    /in vain for the event never[\s\S]*a plain sentence/,
  );
});

test('stop ends programs that drain, and reports one that does not', async (t) => {
  const world = createWorld(t);
  const drains = sh(world, `trap 'exit 0' TERM; ${tellThen('while :; do sleep 0.02; done')}`);
  await world.event('one');
  assert.equal((await drains.stop()).code, 0);
  const deaf = sh(world, `trap '' TERM; ${tellThen('while :; do sleep 0.02; done')}`);
  await world.event('one', (e) => e.heardFrom === deaf.pid);
  await assert.rejects(deaf.stop(200), /did not end 200 ms after SIGTERM/);
  assert.equal(deaf.running, false);
});

test('the end of a world ends its programs with their children, and leaves nothing', async () => {
  const world = new World({});
  const program = sh(world, tellThen('sleep 60 & wait'));
  await world.event('one');
  const [child] = await until('the child', () =>
    program.descendants().length > 0 ? program.descendants() : undefined,
  );
  await world.end();
  await until(
    'the child has gone',
    () => !existsSync(`/proc/${child}/stat`) || / Z /.test(readFileSync(`/proc/${child}/stat`, 'utf8')),
  );
  assert.equal(existsSync(world.root), false);
});

test('complete accepts a file that is stored after it became whole', async (t) => {
  const world = createWorld(t);
  const acting = world.complete('late.csv', (whole) => {
    const writer = world.writer('late.csv');
    writer.write('all of it');
    whole();
    const dropped = writer.close();
    store(world, dropped);
    return dropped;
  });
  assert.equal((await acting).bytes, 9);
});

test('complete refuses a file that was taken before it was whole, and one whose bytes are not all stored', async (t) => {
  const world = createWorld(t);
  const early = world.complete('early.csv', async () => {
    const dropped = world.drop('early.csv', 10);
    store(world, dropped);
    await until('somebody looked', () => false, { withinMs: 100 }).catch(() => {});
    return dropped;
  });
  await assert.rejects(early, /before the rule held/);
  const half = world.complete(
    'half.csv',
    (whole) => {
      const dropped = world.drop('half.csv', 10);
      whole();
      store(world, dropped);
      return { ...dropped, sha256: 'ab'.repeat(32) };
    },
    { withinMs: 50 },
  );
  await assert.rejects(half, /half\.csv stored with 10 bytes/);
});

test('many feeds are given by a configuration file, one by flags', (t) => {
  const many = createWorld(t, { feeds: { a: { options: { mode: 'sidecar' } }, b: {} }, options: { concurrency: 2 } });
  assert.deepEqual(many.flags('ingest').slice(0, 2), ['--config', many.configPath]);
  const told = JSON.parse(readFileSync(many.configPath, 'utf8'));
  assert.equal(told.concurrency, 2);
  assert.deepEqual(Object.keys(told.feeds), ['a', 'b']);
  assert.equal(told.feeds.a.mode, 'sidecar');
  assert.equal(told.feeds.b.warehouse, join(many.root, 'b', 'warehouse'));
  assert.deepEqual(
    asFlags({ stabilitySeconds: 0, recursive: false, include: ['-a', 'b'], poll: true, mode: undefined }),
    ['--stability-seconds=0', '--no-recursive', '--include=-a', '--include=b', '--poll'],
  );
});

test('what was dropped is recorded with names as bytes, and the same seed gives the same bytes', (t) => {
  const world = createWorld(t, { seed: 'fixed' });
  const invalid = Buffer.from([0x66, 0xff, 0x2e, 0x63]);
  const dropped = world.drop(invalid, 100);
  assert.equal(dropped.name, 'f\xff.c');
  assert.equal(world.survey().input[0]!.sha256, dropped.sha256);
  assert.equal(createWorld(t, { seed: 'fixed' }).drop('other', 100).sha256, dropped.sha256);
  assert.equal(world.drop('in/a/new/folder.csv', 1).name, 'in/a/new/folder.csv');
  writeFileSync(join(world.input, 'x.tmp'), '');
  world.bystander('input', 'x.tmp');
  assert.deepEqual(world.differences({ settled: false }), []);
});

test('a program that could not be started counts as ended: nobody is signalled in its place', async () => {
  const program = new Program('/nowhere/at-all', []);
  await assert.rejects(program.ended, { code: 'ENOENT' });
  assert.equal(program.running, false);
  assert.deepEqual(program.descendants(), []);
});
