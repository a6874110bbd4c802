/**
 * SIGKILL of everything at each step of a publication: while the store has not seen a request, and when it has done it and nobody
 * heard the answer. Started again, each object is there once, with its line; and what was held arrives late and changes nothing.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { Bucket } from '../world/bucket.js';
import { BY_COUNTRY, changeChain, orders } from '../world/chains.js';
import type { FaultProxy, Rule, Which } from '../world/fault-proxy.js';
import { faultsIn } from '../world/faults.js';
import { loseState, rebuilt } from '../world/lost.js';
import {
  checkBucket,
  correctionsOf,
  killedAt,
  linesOf,
  objectsOf,
  proxied,
  publishedAndKept,
} from '../world/publisher.js';
import { files } from '../world/tree.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';

const STEPS = ['hold', 'hold-answer'] as const;
const PART = /_manifests\//;

async function healed(world: World, bucket: Bucket, lines: number, feed = 'default'): Promise<void> {
  await world.runOnce();
  assert.equal((await checkBucket(bucket, feed)).length, lines);
  const audit = await world.launch('ingest-ctl', ['audit', '--state-path', world.statePath]).ended;
  assert.equal(audit.code, 0, audit.stdout);
}

const released = (rules: readonly Rule[]): Promise<unknown> => Promise.all(rules.map((rule) => rule.release()));

test('killed at each request of a small file, and of the parts', async (t) => {
  const made = await proxied(t);
  if (!made) return;
  const { world, bucket, proxy } = made;
  const requests: Which[] = [
    { kind: 'put', key: /_ingest\.json$/ },
    { kind: 'get', key: /_ingest\.json$/ },
    { kind: 'list' },
    { kind: 'put', key: PART }, // the seal
    { kind: 'put', key: /\.csv$/ },
    { kind: 'put', key: PART, after: 1 }, // the part with the line
  ];
  const rules: Rule[] = [];
  let lines = 0;
  for (const which of requests)
    for (const fault of STEPS) {
      world.drop(`f${lines}.csv`, `id\n${lines}\n`);
      rules.push(await killedAt(world, proxy, which, fault));
      lines += 1;
      await healed(world, bucket, lines);
    }
  await released(rules);
  await healed(world, bucket, lines);
  world.check();
});

/** A chain that makes three outputs of each file. */
async function processing(
  t: TestContext,
): Promise<{ world: World; bucket: Bucket; proxy: FaultProxy; name: string } | undefined> {
  const made = await proxied(t, { feedNames: ['made'] });
  if (!made) return undefined;
  const { world } = made;
  changeChain(world, 'made', BY_COUNTRY);
  return { ...made, name: 'made' };
}

test('killed between the objects of one file: none of its outputs comes without a line, none twice', async (t) => {
  const made = await processing(t);
  if (!made) return;
  const { world, bucket, proxy, name } = made;
  const rules: Rule[] = [];
  let lines = 0;
  for (const after of [0, 1, 2, 3])
    for (const fault of STEPS) {
      const { text, made: outputs } = orders(`f${lines}`, 40);
      const { sha256 } = world.drop(`f${lines}.csv`, text, { feed: name });
      world.made.set(sha256, outputs);
      // The answers of those before have come, and nothing is recorded: that is one commit for all.
      rules.push(await killedAt(world, proxy, { kind: 'put', key: /\.csv$/, after }, fault));
      lines += 1;
      await healed(world, bucket, lines, name);
    }
  assert.equal((await objectsOf(bucket, name)).length, lines * 4);
  await released(rules);
  await checkBucket(bucket, name);
  world.check();
});

test('a part whose answer is lost is put once; one that arrives late finds its number taken, also after a rebuild', async (t) => {
  const made = await proxied(t);
  if (!made) return;
  const { world, bucket, proxy } = made;
  world.drop('a.csv', 'id\n1\n');
  proxy.add({ kind: 'put', key: PART, after: 1 }, 'lose-answer');
  await healed(world, bucket, 1);
  world.drop('b.csv', 'id\n2\n');
  const late = await killedAt(world, proxy, { kind: 'put', key: PART, after: 1 }, 'hold');
  loseState(world);
  await rebuilt(world);
  await healed(world, bucket, 2);
  assert.deepEqual(await late.release(), [412]);
  await healed(world, bucket, 2);
  world.drop('c.csv', 'id\n3\n');
  const early = await killedAt(world, proxy, { kind: 'put', key: PART, after: 1 }, 'hold');
  loseState(world);
  await rebuilt(world);
  // It comes before the rebuilt state begins: what is in the bucket counts.
  assert.deepEqual(await early.release(), [200]);
  await healed(world, bucket, 3);
  world.drop('d.csv', 'id\n4\n');
  const between = await killedAt(world, proxy, { kind: 'put', key: PART, after: 1 }, 'hold');
  loseState(world);
  await rebuilt(world);
  // It comes while the rebuilt state has read the parts, and has not put its seal.
  const seal = proxy.add({ kind: 'put', key: PART }, 'hold');
  const again = world.start('ingest', ['--once']);
  await seal.hit();
  assert.deepEqual(await between.release(), [200]);
  assert.deepEqual(await seal.release(), [412]);
  assert.equal((await again.ended).code, 0);
  await healed(world, bucket, 4);
  world.check();
});

test('killed at each step of a withdrawal: the correction comes before the first delete, and all objects go', async (t) => {
  const made = await processing(t);
  if (!made) return;
  const { world, bucket, proxy, name } = made;
  const requests: Which[] = [
    { kind: 'put', key: PART, after: 1 },
    { kind: 'head', key: /\.csv$/ },
    { kind: 'delete' },
    { kind: 'delete', after: 1 },
    { kind: 'delete', after: 3 },
  ];
  const rules: Rule[] = [];
  let n = 0;
  for (const which of requests)
    for (const fault of STEPS) {
      const { text } = orders(`f${n}`, 40);
      const { sha256 } = world.drop(`f${n}.csv`, text, { feed: name });
      n += 1;
      await healed(world, bucket, n, name);
      world.withdrawn.add(sha256);
      await world.run('ingest-ctl', ['withdraw', sha256, '--reason', 'a test']);
      rules.push(await killedAt(world, proxy, which, fault));
      const back = new Set((await correctionsOf(bucket, name)).map(({ ingest_id }) => ingest_id));
      if ((await objectsOf(bucket, name)).length < 4) assert.equal(back.size, n, 'deleted before its correction came');
      await healed(world, bucket, n, name);
      assert.equal((await correctionsOf(bucket, name)).length, n);
      assert.deepEqual(await objectsOf(bucket, name), []);
    }
  await released(rules);
  assert.deepEqual(await objectsOf(bucket, name), []);
  world.check();
});

test('withdrawn while its object is on its way: no line, and the object goes', async (t) => {
  const made = await proxied(t);
  if (!made) return;
  const { world, bucket, proxy } = made;
  for (const [n, fault] of STEPS.entries()) {
    const { sha256 } = world.drop(`f${n}.csv`, `id\n${n}\n`);
    world.withdrawn.add(sha256);
    const sent = proxy.add({ kind: 'put', key: /\.csv$/ }, fault);
    const program = world.start('ingest', ['--once']);
    await sent.hit();
    await world.run('ingest-ctl', ['withdraw', sha256, '--reason', 'a test']);
    // Its local file has gone to failed/ before the answer comes.
    await until('the local file is taken out', () => world.warehouse().length === 0);
    await sent.release();
    assert.equal((await program.ended).code, 0);
    assert.deepEqual([await objectsOf(bucket), await linesOf(bucket)], [[], []]);
  }
  world.check();
});

test('killed at each step of --keep-local: the local file goes once, and never before the store has shown its object', async (t) => {
  const made = await proxied(t, { options: { keepLocal: '1s' } });
  if (!made) return;
  const { world, bucket, proxy } = made;
  const faults = faultsIn(world.root);
  if (!faults) return t.skip('there is no gcc: kills around the removal of a local file were not tested');
  const csv = (): string[] => files(world.feed().warehouse).flatMap(({ path }) => (/\.csv$/.test(path) ? [path] : []));
  const points = ['before_gone', 'gone', 'unlinked'] as const;
  for (const [n, point] of points.entries()) {
    world.drop(`f${n}.csv`, `id\n${n}\n`);
    await publishedAndKept(world);
    faults.armForAll(point);
    const program = world.start('ingest', [], { env: faults.env });
    await until('it is killed there', () => faults.kills() === 1 && !program.running);
    await world.killAll();
    assert.equal(csv().length, point === 'unlinked' ? 0 : 1);
    const again = world.start('ingest');
    await until('it is gone, with its folder', () => csv().length === 0 && isTidy(world));
    await again.stop();
    await healed(world, bucket, n + 1);
  }
  // The store has shown the object, and nothing was renamed yet.
  for (const [n, fault] of STEPS.entries()) {
    world.drop(`g${n}.csv`, `id\ng${n}\n`);
    await publishedAndKept(world);
    const rule = proxy.add({ kind: 'head', key: /g\d\.csv$/ }, fault);
    world.start('ingest');
    await rule.hit();
    await world.killAll();
    assert.equal(csv().length, 1);
    const again = world.start('ingest');
    await until('it is gone', () => csv().length === 0);
    await again.stop();
    await healed(world, bucket, points.length + n + 1);
  }
});

const isTidy = (world: World): boolean =>
  !files(world.feed().warehouse).some(({ path }) => path.includes('gone.')) &&
  readdirSync(world.feed().warehouse).every((name) => !name.includes('gone.'));
