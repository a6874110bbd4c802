/**
 * The disk of the state is full for longer than one retry: one error until an event can be stored, and nothing is lost.
 * Needs root for a small filesystem.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { scenario } from './watched-tree.js';

const NAME = 'a full disk of the state is one error, and it is over when an event is stored';

if (process.getuid?.() !== 0) {
  test(NAME, { skip: 'mounting needs root: the full disk was not tested' }, () => {});
} else {
  scenario(NAME, async (told) => {
    const at = join(told.base, 'state');
    mkdirSync(at);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'none', at]);
    try {
      let scans = 0;
      await told.start({ statePath: join(at, 'db'), rescanMs: 1_000 });
      const { bavail, bsize } = statfsSync(at);
      writeFileSync(join(at, 'ballast'), Buffer.alloc(Number(bavail) * Number(bsize)));
      for (let i = 0; i < 50; i++) writeFileSync(told.at(`f${i}`), 'x');
      await told.until('the error', () => told.errors.length > 0);
      // Two retries and more.
      await new Promise<void>((resolve) => told.watcher.on('scan', () => void (++scans === 3 && resolve())));
      assert.deepEqual([told.errors.length, told.recovered.length, told.events.length], [1, 0, 0]);
      assert.deepEqual([told.errors[0]!.path, told.errors[0]!.code], [join(at, 'db'), 'SQLITE_FULL']);
      rmSync(join(at, 'ballast'));
      await told.until('the end of it', () => told.recovered.length > 0);
      await told.watcher.idle();
      assert.equal(new Set(told.lines()).size, 50);
      assert.deepEqual(told.recovered, told.errors);
    } finally {
      await told.stop();
      execFileSync('umount', [at]);
    }
  });
}
