/**
 * A place in trouble, from the last file before it to the last one after it.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';

export const KiB = 1024;

export interface Trouble {
  place: string;
  code: string;
  /** Breaks the place; jobs that need it are dropped afterwards. */
  breaks: () => void;
  repairs: () => void;
  files?: number;
  bytes?: number;
}

/** One file is stored, the place breaks, more files are dropped, the place is repaired, and all files are stored. */
export async function comesThrough(
  world: World,
  { place, code, breaks, repairs, files = 5, bytes = 2_000 }: Trouble,
): Promise<void> {
  world.start('ingest', ['--workers', 'all=2']);
  world.drop('before.csv', bytes);
  await world.stored(1);
  breaks();
  for (let i = 0; i < files; i++) world.drop(`during ${i}.csv`, bytes);
  const closed = await world.event('gate_closed');
  assert.deepEqual([closed.place, closed.code], [place, code]);
  await tried(world, place);
  repairs();
  await world.stored();
  await world.allDone();
  await world.event('gate_opened', (e) => e.place === place);
  assert.equal(world.log.named('gate_closed').length, 1, 'logged once');
  assert.equal(world.log.named('gate_opened').length, 1);
  noAttemptSpent(world);
  await world.stop();
  world.check();
}

/** Resolves after the place has been probed without success. */
export async function tried(world: World, place: string): Promise<void> {
  const dueMs = () => world.gates().find((gate) => gate.place === place)?.probe_due_ms;
  const first = await until(`a gate of the ${place}`, dueMs);
  await until(`a probe of the ${place}`, () => (dueMs() ?? first) !== first);
}

export function noAttemptSpent(world: World): void {
  const inVain = world.database()!.counters.filter(({ name }) => name === 'retry' || name === 'hold');
  assert.deepEqual(inVain, [], 'no job was tried in vain, and none is held');
  assert.deepEqual(
    world.jobs().filter(({ attempts, crashes }) => attempts + crashes > 0),
    [],
  );
}

/** Writes until the disk is full, or up to a number of bytes. */
export function fill(path: string, kib: number): void {
  writeFileSync(path, '');
  try {
    for (let i = 0; i < kib; i += 4) writeFileSync(path, Buffer.alloc(4 * KiB), { flag: 'a' });
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'ENOSPC');
  }
}
