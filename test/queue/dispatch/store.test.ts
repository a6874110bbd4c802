/**
 * The traps of the store: better-queue's core fails on each of them.
 */
import assert from 'node:assert/strict';
import { QueueStore, type StoreEvents } from '../../../queue/dispatch/store.js';
import { sqlite } from '../sqlite/kind.js';
import { ADVANCE, candidates, type QueueWorld, scenario } from '../world.js';

/** Calls a method of the store as the core does. */
const call = <T>(act: (done: (error: unknown, value?: T) => void) => void): Promise<T> =>
  new Promise((resolve, reject) => act((error, value) => (error ? reject(error) : resolve(value as T))));
const take = (store: QueueStore, n: number) => call<string>((done) => store.takeFirstN(n, done));
const lock = (store: QueueStore, token: string) => call<object>((done) => store.getLock(token, done));

async function twoStores(world: QueueWorld, events?: StoreEvents) {
  const [queue, other] = [await world.open(), await world.open()];
  return { queue, store: new QueueStore(queue, 'first', events), others: new QueueStore(other, 'first') };
}

scenario(sqlite, 'an empty take answers a fresh token each time, whose lock is empty', async (world) => {
  const { queue, store } = await twoStores(world);
  const tokens = [await take(store, 5), await take(store, 5)];
  assert.notEqual(tokens[0], tokens[1]);
  assert.deepEqual(await lock(store, tokens[0]!), {});
  await queue.enqueue(candidates(3));
  await call<void>((done) => store.releaseLock(tokens[0]!, done));
  assert.equal(queue.stats()[0]?.ready, 3, 'releasing it releases nothing else');
});

scenario(sqlite, 'a claim that fails is an empty take, and is reported', async (world) => {
  const told: unknown[] = [];
  const silent = { takesMax: () => 5, took: () => {}, released: () => {} };
  const { queue, store } = await twoStores(world, { ...silent, failed: (error) => told.push(error) });
  queue.claim = () => Promise.reject(new Error('no'));
  assert.deepEqual(await lock(store, await take(store, 5)), {});
  assert.match(String(told[0]), /no/);
});

scenario(sqlite, 'jobs that other stores took are running only there', async (world) => {
  const { queue, store, others } = await twoStores(world);
  await queue.enqueue(candidates(4));
  const token = await take(others, 4);
  assert.equal(await call<number>((done) => store.connect(done)), 0);
  assert.deepEqual(await call<object>((done) => store.getRunningTasks(done)), {});
  const running = await call<Record<string, object>>((done) => others.getRunningTasks(done));
  assert.equal(Object.keys(running[token]!).length, 4);
});

scenario(sqlite, 'a lock frees only what is unsettled', async (world) => {
  const { queue, store } = await twoStores(world);
  await queue.enqueue(candidates(4));
  const token = await take(store, 4);
  const jobs = Object.values(await lock(store, token));
  await queue.settle(jobs.slice(0, 3).map((job) => ({ job, outcome: ADVANCE })));
  store.settled(jobs.slice(0, 3));
  await call<void>((done) => store.releaseLock(token, done));
  const depths = queue.stats().map(({ stage, ready, claimed }) => [stage, ready, claimed]);
  assert.deepEqual(depths, [
    ['first', 1, 0],
    ['second', 3, 0],
  ]);
});
