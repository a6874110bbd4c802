/** A rescan of known files only reads. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Apart } from './apart.js';
import { scenario } from './world.js';

const canTrace = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']).status === 0;

scenario('a rescan of known files writes nothing to the state', async (world) => {
  mkdirSync(join(world.input, 'sub'));
  for (let i = 0; i < 2_000; i++) writeFileSync(join(world.input, i % 2 ? `sub/${i}` : `${i}`), 'x');
  await world.start();
  assert.equal(world.producer.taken, 2_000);
  const stamp = () =>
    ['', '-wal'].map((suffix) => {
      const { mtimeNs, size } = statSync(world.statePath + suffix, { bigint: true });
      return `${mtimeNs} ${size}`;
    });
  const before = stamp();
  await world.producer.scan();
  assert.deepEqual(stamp(), before);
  assert.equal(world.producer.taken, 2_000);
});

const skip = canTrace ? false : 'strace is not to be had here: that no data file is opened was not traced';

test('no data file is opened, neither by the first scan nor by a rescan', { skip }, async () => {
  const apart = new Apart();
  try {
    for (let i = 0; i < 100; i++) writeFileSync(join(apart.input, `data-${i}.csv`), 'x');
    const log = join(apart.base, 'trace');
    const calls = 'open,openat,openat2,creat,statx';
    await apart.start([
      'strace',
      '-f',
      '-qq',
      '--seccomp-bpf',
      '-o',
      log,
      '-e',
      `trace=?${calls.replaceAll(',', ',?')}`,
    ]);
    assert.equal((await apart.rescan()).taken, 100);
    await apart.stop();
    const lines = readFileSync(log, 'latin1')
      .split('\n')
      .filter((line) => line.includes('data-'));
    assert.deepEqual(
      lines.filter((line) => !/\bstatx\(/.test(line)),
      [],
    );
    // The trace works: each file is checked by both scans.
    assert(lines.length >= 200, `${lines.length} looks traced`);
  } finally {
    await apart.end();
  }
});
