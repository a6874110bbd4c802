/**
 * Verbs of an operator one after the other: short sequences in which what rows, lines, corrections and files say of one path or
 * one content does not fit together at first sight. Each was answered wrongly once; the generated test beside this finds more.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FAILED, workName } from '../../src/files/job-paths.js';
import { nameOfText } from '../../src/linux/names.js';
import { loseState, rebuilt, stoppedBefore } from '../world/lost.js';
import { rebuiltFromBefore } from '../world/names-before.js';
import { createWorld } from '../world/world.js';
import {
  AT_ONCE,
  actedOverBackup,
  afterAMinute,
  agrees,
  allowed,
  corrections,
  ctl,
  ctlDone,
  dropped,
  pathOf,
  WHY,
  withClock,
  withdrawn,
  withTime,
  worldWith,
} from './directed.js';

/** A correction takes its line back, however many lines name that path. */
for (const [what, sizes] of Object.entries({
  'the same content, allowed again': [700],
  'other bytes of the same size': [700, 700],
  'other bytes': [700, 300],
})) {
  test(
    `a name is wanted again after a withdrawal by ${what}, and the state is lost: its file stays`,
    withTime,
    async (t) => {
      const world = createWorld(t, AT_ONCE);
      const [first, second = first] = sizes.map((bytes) => world.content(bytes)) as [Buffer, Buffer?];
      const sha256 = await dropped(world, 'orders.csv', first);
      await withdrawn(world, sha256);
      await afterAMinute(world);
      if (second === first) await allowed(world, sha256);
      await dropped(world, 'orders.csv', second);
      assert.notEqual(pathOf(world, 0), pathOf(world, 1), 'a name is given once');
      loseState(world);
      await rebuilt(world);
      await world.runOnce();
      assert.deepEqual(readFileSync(pathOf(world, 1)), second);
      await agrees(world);
    },
  );
}

test(
  'a name was wanted again after a consumer took its file, and the state is lost: a withdrawal takes out',
  withTime,
  async (t) => {
    const world = createWorld(t, AT_ONCE);
    await dropped(world, 'orders.csv', world.content(300));
    renameSync(pathOf(world, 0), join(world.root, 'taken by a consumer'));
    await afterAMinute(world);
    const second = await dropped(world, 'orders.csv', world.content(700));
    assert.notEqual(pathOf(world, 0), pathOf(world, 1), 'a name is given once');
    await ctlDone(world, 'withdraw', second, ...WHY);
    loseState(world);
    await rebuilt(world);
    await world.runOnce();
    assert.deepEqual([world.warehouse().length, world.failed().length], [0, 1]);
  },
);

test('a held withdrawal is retried after its name was wanted again: the next generation stays', withTime, async (t) => {
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

test('a withdrawal that was cut after its rename takes nothing that came to its path since', async (t) => {
  const { world, content, sha256 } = await worldWith(t);
  const path = pathOf(world, 0);
  await ctlDone(world, 'withdraw', sha256, ...WHY);
  const { id } = world.jobs().find(({ state }) => state !== 'done')!;
  const failed = join(world.root, '.input.ingest', FAILED);
  mkdirSync(failed, { recursive: true });
  // As a worker leaves it that died there.
  renameSync(path, join(failed, workName(id, 'file', nameOfText('orders.csv'))!));
  writeFileSync(path, content); // somebody puts it back
  world.withdrawn.add(sha256);
  await allowed(world, sha256);
  world.drop('orders.csv', content);
  await world.runOnce();
  assert.deepEqual(readFileSync(path), content, 'the file of somebody else');
  rmSync(path);
  assert.deepEqual(readFileSync(pathOf(world, 1)), content, 'the next generation');
  await agrees(world);
});

test('a backup of before a second generation comes back: refused until rebuild, and generations go on at 3', async (t) => {
  const { world, content, sha256 } = await worldWith(t);
  await actedOverBackup(world, async () => {
    await allowed(world, sha256);
    await dropped(world, 'orders.csv', content);
  });
  assert.match(await ctlDone(world, 'allow-again', sha256, ...WHY), /its generation 3\n/);
  world.generations.set(sha256, 3);
  await dropped(world, 'orders.csv', content);
  assert.deepEqual(
    world.manifest().map(({ record }) => record!.generation ?? 1),
    [1, 2, 3],
  );
  await agrees(world);
});

test('a backup of before a withdrawal comes back: refused until rebuild, which knows it as withdrawn', async (t) => {
  const { world, content, sha256 } = await worldWith(t);
  await actedOverBackup(world, () => withdrawn(world, sha256));
  await dropped(world, 'later.csv', content);
  assert.equal(world.duplicates().length, 1);
  await agrees(world);
});

test('a held withdrawal is discarded while its name lies in the input again: it ends, and that file goes in', async (t) => {
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
});

test('a path that two lines name means the one that lies there', withTime, async (t) => {
  const { world, sha256: first } = await worldWith(t);
  await withdrawn(world, first);
  const second = await dropped(world, 'orders.csv', world.content(300));
  await rebuiltFromBefore(world);
  const path = pathOf(world, 0);
  assert.equal(path, pathOf(world, 1));
  const allows = await ctlDone(world, 'allow-again', path, ...WHY);
  assert.match(allows, new RegExp(second));
  await withdrawn(world, path, second);
  await agrees(world);
  assert.equal(world.warehouse().length, 0);
});

test(
  'a withdrawal of a path that two lines name never means the content that was there before',
  withTime,
  async (t) => {
    const world = createWorld(t, AT_ONCE);
    const first = await dropped(world, 'orders.csv', world.content(700));
    const path = pathOf(world, 0);
    renameSync(path, join(world.root, 'taken by a consumer'));
    await afterAMinute(world);
    const second = await dropped(world, 'orders.csv', world.content(300));
    await rebuiltFromBefore(world);
    assert.equal(pathOf(world, 1), path);
    await withdrawn(world, path);
    const [earlier, later] = world.manifest().map(({ record }) => record!.ingest_id) as [string, string];
    for (const verb of ['withdraw', 'allow-again']) {
      const { code, stdout, stderr } = await ctl(world, verb, path, ...WHY);
      assert.equal(code, 2, stdout);
      assert(
        stderr.includes(`${earlier} (${first}, unconfirmed)`) && stderr.includes(`${later} (${second}, withdrawn)`),
        stderr,
      );
    }
    assert.match(await ctlDone(world, 'allow-again', later, ...WHY), new RegExp(second));
    await withdrawn(world, earlier);
    assert.deepEqual(
      world.ledger().map(({ state }) => state),
      ['withdrawn', 'withdrawn'],
    );
  },
);

test(
  'a path whose newest record was pruned never means the one that was withdrawn there before',
  withTime,
  async (t) => {
    const world = createWorld(t, AT_ONCE);
    const first = await dropped(world, 'orders.csv', world.content(700));
    await withdrawn(world, first);
    world.withdrawn.add(first);
    await afterAMinute(world);
    await dropped(world, 'orders.csv', world.content(300));
    await rebuiltFromBefore(world);
    const path = pathOf(world, 0);
    assert.equal(path, pathOf(world, 1));
    await withClock(world, 300_000, async (env) => {
      await world.runOnce([], { env });
      const { stdout } = await world.run('ingest-ctl', ['prune', '--keep-history', '1m'], { env });
      assert.match(stdout, /the records of 1 contents forgotten/);
    });
    for (const verb of ['allow-again', 'withdraw']) {
      const { code, stdout, stderr } = await ctl(world, verb, path, ...WHY);
      assert.equal(code, 2, stdout);
      assert.match(stderr, /may have been pruned.*name (a|the|its) SHA-256/);
    }
    assert.match(await ctlDone(world, 'allow-again', first, ...WHY), /its generation 2\n/);
    await agrees(world);
  },
);

test('a content of which one generation is withdrawn and one stands: it is said which one stands, or that one goes', async (t) => {
  const { world, content, sha256 } = await worldWith(t);
  await allowed(world, sha256);
  await dropped(world, 'orders.csv', content);
  await withdrawn(world, pathOf(world, 1), sha256);
  const { code, stderr } = await ctl(world, 'withdraw', sha256, ...WHY);
  if (code !== 0) assert(stderr.includes(pathOf(world, 0)), `the generation that stands is not named: ${stderr}`);
  await world.runOnce();
  assert.equal(world.warehouse().length, code === 0 ? 0 : 1);
  await agrees(world);
});

test(
  'a twin that came at once and was asked long after is a duplicate, whatever time a repetition needs',
  withTime,
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

test('a held file is replaced and discarded while all is stopped: the other version goes in, without another scan', async (t) => {
  const world = createWorld(t, { options: { ...AT_ONCE.options, maxBytes: 500 } });
  world.drop('orders.csv', 700, { optional: true });
  await world.runOnce([], { code: 4 });
  world.drop('orders.csv', 300);
  await ctlDone(world, 'pause', 'verify-complete');
  await ctlDone(world, 'discard', '--all');
  const program = world.start('ingest', ['--log-level', 'debug']);
  await world.event('scan_done');
  await ctlDone(world, 'resume');
  await world.stored(1);
  await program.stop();
  assert.deepEqual([world.warehouse().length, world.failed().length], [1, 0]);
  await agrees(world);
});
