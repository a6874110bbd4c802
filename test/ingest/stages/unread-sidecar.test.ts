/** A sidecar that exists and cannot be read says nothing: its file waits, wherever it is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FeedFiles } from '../../../src/ingest/files/feed-files.js';
import { adoptOrphans } from '../../../src/ingest/upkeep/reaper.js';
import { LinuxError } from '../../../src/linux/index.js';
import { Bench } from './bench.js';

const WRONG = `${'0'.repeat(64)}  a.csv\n`;

/** The disk fails at the first file whose filesystem is asked for: the sidecar. */
function failingOnce({ kinds }: FeedFiles): void {
  const of = kinds.of.bind(kinds);
  kinds.of = () => {
    kinds.of = of;
    throw new LinuxError('statfs', 5);
  };
}

const answered = ({ outcomes: [outcome] }: Bench): unknown =>
  typeof outcome === 'object' &&
  ('code' in outcome ? [outcome.kind, outcome.code] : [outcome.kind, 'why' in outcome && outcome.why]);

async function sealedWithSidecar(bench: Bench): Promise<void> {
  bench.world.sidecar('a.csv', WRONG);
  await bench.arrive(bench.world.drop('a.csv', 100));
  // The process dies after both renames, before the commit of the sidecar's checksum.
  await bench.step('verify-complete', 1, 1);
  assert.equal(bench.world.underprocess().length, 2);
  await bench.backend.rescue();
}

test('a file that was sealed before a crash is tried again, and then checked', async (t) => {
  const bench = await Bench.open({ mode: 'sidecar' });
  t.after(() => bench.close());
  await sealedWithSidecar(bench);
  bench.prepare = failingOnce;
  await bench.step('verify-complete', 1);
  assert.deepEqual(answered(bench), ['retry', 'sidecar_unreadable']);
});

test('a file that was found without its job is not stored before its sidecar was read', async (t) => {
  const bench = await Bench.open({ mode: 'sidecar' });
  t.after(() => bench.close());
  await sealedWithSidecar(bench);
  await bench.backend.transact((tx) => tx.run('DELETE FROM jobs'));
  const files = new FeedFiles(bench.feed.roots);
  failingOnce(files);
  assert.equal(await adoptOrphans({ backend: bench.backend, emit: () => {}, feed: 'default', files }), 1);
  files.close();
  bench.prepare = failingOnce;
  await bench.step('hash', 1);
  assert.deepEqual(answered(bench), ['retry', 'sidecar_unreadable']);
  bench.prepare = () => {};
  await bench.backend.transact((tx) => tx.run('UPDATE jobs SET due_ms = 0'));
  await bench.step('hash', 1);
  assert.deepEqual(answered(bench), ['defer', 'window']);
  for (let look = 0; look < 3 && (answered(bench) as string[])[0] === 'defer'; look++) await bench.step('hash', 1);
  assert.deepEqual(answered(bench), ['hold', 'checksum_mismatch']);
});
