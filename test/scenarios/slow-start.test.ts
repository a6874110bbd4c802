/** A start that takes longer than a process may be silent: its reads are part of the work, and no hang. */
import assert from 'node:assert/strict';
import { appendFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { skipUnlessInstalled } from '../simulate/installed.js';
import { files } from '../world/tree.js';
import { createWorld } from '../world/world.js';

/** Under strace, on a loaded machine, two were too few at times. */
const STALL_SECONDS = 4;
/** The number of reads, of half a second each. */
const READS = 17;
const READ_BYTES = 1 << 20;

test('a worker that compares a long manifest with its state sends heartbeats all the while', async (t) => {
  if (skipUnlessInstalled(t, 'strace', 'a disk that reads slowly')) return;
  const world = createWorld(t);
  world.drop('before.csv', 2_000);
  await world.runOnce();
  const { manifests } = world.feed();
  const name = files(manifests).find(({ path }) => path.endsWith('/manifest.jsonl'))!.path;
  const manifest = realpathSync(join(manifests, name));
  // Foreign lines: kept, read at every start, and no records of ours.
  appendFileSync(manifest, `${'-'.repeat(1_023)}\n`.repeat((READS * READ_BYTES) / 1_024));

  world.drop('during.csv', 2_000);
  const slow = ['-e', 'trace=read,pread64', '-e', 'inject=read,pread64:delay_enter=500000', '-P', manifest];
  const wrap = ['strace', '-f', '-qq', ...slow, '-o', join(world.root, 'trace')];
  const began = performance.now();
  await world.runOnce(['--stall-seconds', String(STALL_SECONDS)], { wrap });
  assert.ok(performance.now() - began > 2 * STALL_SECONDS * 1_000, 'the start was slow');
  assert.equal(world.log.named('file_ingested').length, 2);
  for (const event of ['worker_stalled', 'worker_lost', 'worker_silent'])
    assert.deepEqual(world.log.named(event), [], event);
});
