/** The thread that carries out orders beside the main thread. */
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Owners } from '../../../queue/owners.js';
import { PlaceError, unlessRefused } from '../../../src/files/place-error.js';
import type { SealAnswer, ToMove, ToSeal } from '../../../src/ingest/calls/order.js';
import { CallThread } from '../../../src/ingest/calls/thread.js';
import { CallThreads } from '../../../src/ingest/calls/threads.js';
import { FeedFiles } from '../../../src/ingest/files/feed-files.js';
import { BatchCalls } from '../../../src/ingest/worker/batch-calls.js';
import { host, LinuxError, nameOfText } from '../../../src/linux/index.js';
import { until } from '../../world/waiting.js';
import { type Grounds, grounds } from './grounds.js';

const allSealed = (answers: readonly { kind: string }[]): boolean => answers.every(({ kind }) => kind === 'sealed');
const drops = ({ drop }: Grounds, n: number, prefix = '') =>
  Array.from({ length: n }, (_, i) => drop(`${prefix}${i}.csv`, `${i}\n`));

function threadOf(t: TestContext, { bench }: Grounds): { thread: CallThread; owners: Owners } {
  const owners = new Owners(host(), join(bench.world.root, 'owners'));
  assert.ok(owners.tryBecome(1, 'test', 0));
  const thread = new CallThread({ spot: owners.threadSlot(3), throttle: undefined });
  t.after(() => thread.close().then(() => owners.close()));
  return { thread, owners };
}

test('if the thread cannot run, the main thread handles its files and logs this', async (t) => {
  const ground = await grounds(t);
  const spotOf = () => ({ path: ground.input('no such file'), at: 0 });
  const all = new CallThreads({ spotOf, noteThreadHang: () => {}, most: 1, roundsMax: 60, onHang: () => {} });
  t.after(() => all.close());
  const failures: unknown[] = [];
  const files = new FeedFiles(ground.bench.feed.roots);
  t.after(() => files.close());
  const calls = new BatchCalls(files, () => {}, undefined, { all, failed: (error) => failures.push(error) });
  for (const round of [1, 2]) {
    const answers = await calls.run(ground.order('seal', drops(ground, 40, `${round}-`)));
    assert.ok(allSealed(answers));
  }
  assert.deepEqual(
    failures.map((error) => (error as { code?: string }).code),
    ['ENOENT', 'ENOENT'],
  );
});

test('the thread gives the same answers, and notes its current job', async (t) => {
  const ground = await grounds(t);
  const { thread, owners } = threadOf(t, ground);
  assert.equal(thread.roundsWithoutProgress(), 0);
  const ids: string[] = [];
  const inProgress = new Set<string>();
  // Again, where this thread did not run while the other one sealed.
  for (let round = 0; round < 10 && inProgress.size === 0; round++) {
    const files = drops(ground, 2_000, `${round}-`);
    ids.push(...files.map(({ id }) => id));
    const asked = thread.run(ground.order('seal', files), ids);
    await until('it is done', async () => {
      for (const { job } of owners.slot(1)!.threads) inProgress.add(job);
      return (await Promise.race([asked, undefined])) !== undefined;
    });
    assert.ok(allSealed(await asked));
  }
  assert.ok(inProgress.size > 0 && [...inProgress].every((job) => ids.includes(job)));
  assert.deepEqual(owners.slot(1)!.threads, [], 'no job is in progress any more');
  assert.equal(owners.slot(1)!.job, null, 'the main thread had no job in progress');
  assert.equal(thread.roundsWithoutProgress(), 0);
});

const movesOf = (files: readonly ToSeal[], answers: readonly { kind: string }[], target = ''): ToMove[] =>
  files.map(({ id, path, inside }, i) => ({
    ...{ id, path, inside, part: 'file' },
    target: nameOfText(`${target}${path}`),
    identity: (answers[i] as Extract<SealAnswer, { kind: 'sealed' }>).sealed.identity,
  }));

test('a later order may go first: what is nearer to its end', async (t) => {
  const ground = await grounds(t);
  const { thread } = threadOf(t, ground);
  const first = drops(ground, 300, 'first-');
  const moves = movesOf(first, await thread.run(ground.order('seal', first)));
  const ended: string[] = [];
  const sealed = thread.run(ground.order('seal', drops(ground, 4_000))).finally(() => ended.push('seal'));
  const moved = await thread.run(ground.order('move', moves)).finally(() => ended.push('move'));
  assert.ok(moved.every(({ kind }) => kind === 'renamed'));
  assert.deepEqual(ended, ['move'], 'the seals are still under way');
  assert.ok(allSealed(await sealed));
});

test('errors come back as they were thrown, and files that were not tried come back as not tried', async (t) => {
  const ground = await grounds(t);
  const { thread } = threadOf(t, ground);
  const files = drops(ground, 4);
  const moves = movesOf(files, await thread.run(ground.order('seal', files)));
  const long = { ...moves[0]!, target: nameOfText('n'.repeat(300)) };
  const [refused, renamed] = await thread.run(ground.order('move', [long, moves[1]!]));
  const { error } = refused as { error?: unknown };
  assert.ok(error instanceof LinuxError, String(error));
  assert.deepEqual([error.code, renamed?.kind], ['ENAMETOOLONG', 'renamed']);
  assert.match(error.message, /ENAMETOOLONG/);
  const { warehouse } = ground.bench.feed.roots;
  renameSync(warehouse, `${warehouse}.away`);
  const [failing, untried] = await thread.run(ground.order('move', moves.slice(2)));
  renameSync(`${warehouse}.away`, warehouse);
  const place = (failing as { error?: unknown }).error;
  assert.ok(place instanceof PlaceError && place.place === 'warehouse' && place.code === 'ENOENT', String(place));
  assert.equal(untried?.kind, 'stopped');
});

test('a drain gives back files that were not begun', async (t) => {
  const ground = await grounds(t);
  const { thread } = threadOf(t, ground);
  const asked = thread.run(ground.order('seal', drops(ground, 4_000)));
  thread.drain();
  const kinds = (await asked).map(({ kind }) => kind);
  assert.equal(kinds[0], 'sealed');
  assert.equal(kinds.at(-1), 'stopped');
});

/** The paths that this process has open below a directory, once for each descriptor. */
const openBelow = (root: string): string[] =>
  readdirSync('/proc/self/fd')
    .flatMap((fd) => unlessRefused(() => readlinkSync(`/proc/self/fd/${fd}`)) ?? [])
    .filter((path) => path.startsWith(`${root}/`))
    .sort();

for (const how of ['closed', 'given up'] as const)
  test(`a thread that was ${how} leaves no descriptor`, async (t) => {
    const ground = await grounds(t);
    const { root } = ground.bench.world;
    const owners = new Owners(host(), join(root, 'owners'));
    t.after(() => owners.close());
    assert.ok(owners.tryBecome(1, 'test', 0));
    const limit = { path: join(root, 'limit'), at: 0, lock: 8 };
    writeFileSync(limit.path, Buffer.alloc(16));
    const before = openBelow(root);
    const throttle = { spot: limit, bytesPerSecond: 1_000_000_000 };
    const thread = new CallThread({ spot: owners.threadSlot(3), throttle });
    const sealed = thread.run(ground.order('seal', drops(ground, 2_000)));
    // Its slot and the rate limit.
    await until('it takes orders', () => openBelow(root).length >= before.length + 2);
    if (how === 'given up') await thread.giveUp().back;
    await sealed;
    await thread.close();
    assert.deepEqual(openBelow(root), before);
  });
