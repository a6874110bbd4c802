/**
 * Events are lost, or are about another name: a scan or a check finds the changes.
 */
import assert from 'node:assert/strict';
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { everywhere, scenario } from './watched-tree.js';

scenario('the kernel drops events: one overflow, and everything is there after one scan', async (told) => {
  mkdirSync(told.at('d'));
  writeFileSync(told.at('d/x'), '1');
  writeFileSync(told.at('same size'), '1');
  utimesSync(told.at('same size'), 1, 1);
  await told.start({ rescanMs: 0 });
  const scans: string[] = [];
  told.watcher.on('scan', ({ cause }) => scans.push(cause));
  // In one turn of this process nobody reads the queue, which has room for 16,384 events.
  for (let i = 0; i < 9_000; i++) closeSync(openSync(told.at('often'), 'a'));
  for (let i = 0; i < 9_000; i++) writeFileSync(told.at('often'), String(i));
  renameSync(told.at('d'), told.at('e'));
  writeFileSync(told.at('same size'), '2');
  utimesSync(told.at('same size'), 1, 1);
  rmSync(told.at('often'));
  mkdirSync(told.at('late/later'), { recursive: true });
  await told.watcher.idle();
  assert.deepEqual(told.overflows, [{ root: told.root, reason: 'kernel' }]);
  assert.deepEqual(scans, ['overflow']);
  const pairs = told.events.filter(({ renameId }) => renameId !== undefined);
  assert.equal(pairs.length, 4, 'also the renames are found');
  // A write before the rename may have been lost: a consumer that renamed its copy reads the file again.
  const lines = ['+directory e', '+file e/x', '+file e/x', '-file d/x', '-directory d', '+file same size'];
  const latest = ['+directory late', '+directory late/later'];
  assert.deepEqual((await told.quiet()).filter((line) => !line.endsWith('often')).sort(), [...lines, ...latest].sort());
  await told.expect(() => writeFileSync(told.at('late/later/x'), ''), '+file late/later/x');
});

scenario(
  'a file is written through a name that was removed, or taken, while another name of it is there',
  async (told) => {
    writeFileSync(told.at('a'), '');
    writeFileSync(told.at('b'), '');
    await told.start();
    const [a, b] = [openSync(told.at('a'), 'a'), openSync(told.at('b'), 'a')];
    linkSync(told.at('a'), told.at('other of a'));
    linkSync(told.at('b'), told.at('other of b'));
    rmSync(told.at('a'));
    writeFileSync(join(told.base, 'new'), '');
    renameSync(join(told.base, 'new'), told.at('b'));
    await told.quiet();
    await told.expect(() => writeSync(a, 'x'), '+file other of a');
    await told.expect(() => writeSync(b, 'x'), '+file other of b');
    closeSync(a);
    closeSync(b);
  },
);

everywhere('a periodic scan finds changes without an event', async (told) => {
  mkdirSync(told.at('d'));
  writeFileSync(told.at('d/x'), '1');
  await told.start({ rescanMs: 20 });
  let scans = 0;
  told.watcher.on('scan', () => {
    scans += 1;
  });
  await told.expect(() => writeFileSync(told.at('d/x'), '22'), '+file d/x');
  const before = scans;
  const later = new Promise<void>((resolve) => told.watcher.on('scan', () => void (scans > before + 1 && resolve())));
  await later;
  assert.deepEqual(await told.quiet(), []);
});

scenario('a listener of another event throws: an uncaught exception, and the watcher goes on', async (told) => {
  const faults: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => faults.push(error));
  try {
    await told.start({ rescanMs: 20 });
    told.watcher.once('scan', () => {
      throw new Error('a listener that throws');
    });
    // The next scan: a listener after the one that throws is not called.
    let scans = 0;
    await new Promise<void>((resolve) => told.watcher.on('scan', () => void (++scans === 2 && resolve())));
    await told.expect(() => writeFileSync(told.at('x'), ''), '+file x');
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
  assert.match(String(faults[0]), /a listener that throws/);
  assert.deepEqual(told.errors, []);
});
