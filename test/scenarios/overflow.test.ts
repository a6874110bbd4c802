/**
 * The kernel drops events while nobody reads them. Twenty thousand files that only the overflow reports are all enqueued; so are
 * those of a second overflow, in a new directory, while the scan that repairs the first is running.
 * Does not: ingest them. What is enqueued is what other scenarios begin with.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { signal } from '../world/program.js';
import { until } from '../world/waiting.js';
import { isWatched } from '../world/watched.js';
import { createWorld, type World } from '../world/world.js';

const FIRST = 20_000;
const queued = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
// Each file makes at least two events; the limit is read, never changed.
const second = Math.ceil(queued / 2) + 1_000;
const skip = queued > FIRST && `fs.inotify.max_queued_events is ${queued}: an overflow was not tested`;

test('overflows heal by themselves, in a new directory and during the healing scan too', {
  skip,
}, async (t) => {
  // About inotify's own overflow: it watches by events under WATCH=poll, too. Only the repairing scans can find a file.
  const watch = { poll: undefined, scanIntervalSeconds: 3_600 };
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0, ...watch } });
  world.start('ingest-producer', ['--log-level', 'debug', '--stall-seconds', '600']);
  await world.event('scan_done', (e) => e.cause === 'start');
  const producer = (await world.event('worker_started')).worker_pid as number;

  signal(producer, 'SIGSTOP');
  write(world, 'first', FIRST);
  const since = world.log.all.length;
  signal(producer, 'SIGCONT');
  await world.event('overflow', (e) => e.total === 1, { since });
  mkdirSync(join(world.input, 'new'));
  await until('the new directory is watched', () => isWatched(producer, join(world.input, 'new')), {
    everyMs: 1,
  });
  signal(producer, 'SIGSTOP');
  assert.deepEqual(scansSince(world, since), [], 'the healing scan had not ended');
  write(world, 'new/second', second);
  signal(producer, 'SIGCONT');
  await world.event('overflow', (e) => e.total === 2, { since });
  await until('both healing scans are done', () => scansSince(world, since).length >= 2);
  assert(
    scansSince(world, since).every((cause) => cause === 'overflow'),
    `scans: ${scansSince(world, since)}`,
  );
  assert.equal(world.database()!.counters.find(({ name }) => name === 'overflow')?.files, 2);

  await world.stop();
  const enqueued = world.jobs().map(({ key, state }) => `${key} ${state}`);
  assert.deepEqual(enqueued.sort(), world.dropped.map(({ name }) => `${name} ready`).sort());
});

/** Written at once and by name, so that all of it is events for the watcher. */
function write(world: World, prefix: string, count: number): void {
  for (let n = 0; n < count; n++) world.drop(`${prefix}-${n}.csv`, 24);
}

const scansSince = (world: World, since: number): unknown[] =>
  world.log.all.slice(since).flatMap(({ event, cause }) => (event === 'scan_done' ? [cause] : []));
