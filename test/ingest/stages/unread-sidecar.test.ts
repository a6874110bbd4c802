/** A sidecar that exists and cannot be read says nothing: its file waits, wherever it is. */
import assert from 'node:assert/strict';
import { appendFileSync, linkSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FeedFiles } from '../../../src/ingest/files/feed-files.js';
import { adoptOrphans } from '../../../src/ingest/upkeep/reaper.js';
import { LinuxError } from '../../../src/linux/index.js';
import { workDirOf } from '../../world/layout.js';
import { until } from '../../world/waiting.js';
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

async function sealedWithSidecar(bench: Bench, text = WRONG): Promise<void> {
  bench.world.sidecar('a.csv', text);
  await bench.arrive(bench.world.drop('a.csv', 100));
  // The process dies after both renames, before the commit of the sidecar's checksum.
  await until('both are sealed', async () => {
    await bench.step('verify-complete', 1, 1);
    await bench.backend.rescue();
    return bench.world.underprocess().length === 2;
  });
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

test('a half-written sidecar of a file that was found without its job says nothing', async (t) => {
  const bench = await Bench.open({ mode: 'sidecar', stabilitySeconds: 0.1 });
  t.after(() => bench.close());
  const half = 'SHA256 (a.csv) = ';
  await sealedWithSidecar(bench, half);
  const folder = join(workDirOf(bench.world.feed()), 'underprocess');
  const sidecar = readdirSync(folder).map((name) => join(folder, name));
  const open = sidecar.find((path) => readFileSync(path, 'utf8') === half)!;
  // No lease answers for a file with two names.
  linkSync(open, join(bench.world.root, 'elsewhere'));
  await bench.backend.transact((tx) => tx.run('DELETE FROM jobs'));
  const files = new FeedFiles(bench.feed.roots);
  assert.equal(await adoptOrphans({ backend: bench.backend, emit: () => {}, feed: 'default', files }), 1);
  files.close();
  appendFileSync(open, `${bench.world.dropped[0]!.sha256}\n`);
  await until('it is hashed', async () => {
    await bench.step('hash', 1);
    return (answered(bench) as string[])[0] !== 'defer';
  });
  assert.equal(typeof bench.outcomes[0], 'function', JSON.stringify(bench.outcomes[0]));
});
