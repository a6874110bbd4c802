/**
 * A path with an event is distrusted until it was compared, whatever its size and times are: no copy stays out of date.
 */
import assert from 'node:assert/strict';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createChangeLog } from '../../src/change-log/index.js';
import { bindMount, loopMount, unmount } from '../world/mounts.js';
import { isRoot } from '../world/users.js';
import { stays, until } from '../world/waiting.js';
import { commandWorld, heardOf } from './by-command.js';

const skip = isRoot ? false : 'not root: no filesystem with coarse times was mounted';

const SECONDS = 1_000_000_000;

/** A file whose size and mtime never change. */
function write(path: string, content: string): void {
  writeFileSync(path, content);
  utimesSync(path, SECONDS, SECONDS);
}

const onlyItsStart = 'no scan but that of its start';

test('a write of equal size with its time put back is followed, renamed at once or not, with its directory or alone', async (t) => {
  const { source, follow, alike } = commandWorld(t);
  const at = (...names: string[]) => join(source, ...names);
  mkdirSync(at('tree/below'), { recursive: true });
  for (let n = 0; n < 20; n++) {
    for (const path of [`stays${n}`, `moves${n}`, `tree/a${n}`, `tree/below/b${n}`]) write(at(path), `old ${n}`);
  }
  const mirror = await follow();
  await alike(mirror);
  for (let n = 0; n < 20; n++) {
    write(at(`stays${n}`), `new ${n}`);
    write(at(`moves${n}`), `new ${n}`);
    renameSync(at(`moves${n}`), at(`moved${n}`));
    write(at(`tree/a${n}`), `new ${n}`);
    write(at(`tree/below/b${n}`), `new ${n}`);
  }
  renameSync(at('tree'), at('other'));
  await alike(mirror);
  assert.equal(heardOf(mirror, 'replica_scan_done').length, 1, onlyItsStart);
});

test('a write of equal size with its time put back is followed under all names of a file, whichever of them it goes through', async (t) => {
  const { source, follow, alike } = commandWorld(t);
  const at = (...names: string[]) => join(source, ...names);
  mkdirSync(at('tree'));
  const files = Array.from({ length: 20 }, (_, n) => n);
  for (const n of files) {
    write(at(`one${n}`), `old ${n}`);
    for (const other of [`two${n}`, `tree/three${n}`]) linkSync(at(`one${n}`), at(other));
    write(at('tree', `other${n}`), `too ${n}`);
  }
  const mirror = await follow();
  await alike(mirror);
  for (const n of files) write(at([`one${n}`, `two${n}`, `tree/three${n}`][n % 3]!), `new ${n}`);
  await alike(mirror);
  for (const n of files) {
    write(at(`two${n}`), `end ${n}`);
    if (n % 3 === 0) renameSync(at(`two${n}`), at(`four${n}`));
    else if (n % 3 === 1) renameSync(at('tree', `other${n}`), at(`two${n}`));
    else unlinkSync(at(`two${n}`));
  }
  await alike(mirror);
  for (const n of files) {
    linkSync(at(`one${n}`), at(`five${n}`));
    write(at(`five${n}`), `six ${n}`);
  }
  await alike(mirror);
  assert.equal(heardOf(mirror, 'replica_scan_done').length, 1, onlyItsStart);
});

test('files that differ only in their content are exchanged, one by one and by their directories', async (t) => {
  const { source, follow, alike } = commandWorld(t);
  const at = (...names: string[]) => join(source, ...names);
  for (const name of ['one', 'two']) {
    mkdirSync(at(name, 'below'), { recursive: true });
    for (let n = 0; n < 10; n++) {
      write(at(`${name}${n}`), name);
      write(at(name, `${n}`), name);
      write(at(name, 'below', `${n}`), name);
    }
  }
  const mirror = await follow();
  await alike(mirror);
  const exchange = (a: string, b: string) => {
    renameSync(at(a), at('aside'));
    renameSync(at(b), at(a));
    renameSync(at('aside'), at(b));
  };
  for (let n = 0; n < 10; n++) exchange(`one${n}`, `two${n}`);
  exchange('one', 'two');
  await alike(mirror);
  exchange('one/below', 'two/below');
  exchange('one', 'two');
  await alike(mirror);
  assert.equal(heardOf(mirror, 'replica_scan_done').length, 1, onlyItsStart);
});

test('directories are exchanged under a mirror that only believed their copies', async (t) => {
  const { source, follow, alike, run } = commandWorld(t);
  const at = (...names: string[]) => join(source, ...names);
  for (const name of ['one', 'two']) {
    mkdirSync(at(name, 'below'), { recursive: true });
    for (let n = 0; n < 10; n++) write(at(name, 'below', `${n}`), name);
  }
  const { ctimeMs } = statSync(at('two/below/9'));
  await until('they have changed too long ago to be compared', () => Date.now() - ctimeMs > 2_100);
  await run('--once');
  // With a filter, directories are never renamed in DEST.
  const mirror = await follow('--exclude', 'nothing');
  renameSync(at('one'), at('aside'));
  renameSync(at('two'), at('one'));
  renameSync(at('aside'), at('two'));
  await alike(mirror);
  assert.equal(heardOf(mirror, 'replica_scan_done').length, 1, onlyItsStart);
});

test('what was written just before the mirror was killed is found by its next start', async (t) => {
  const { source, follow, alike, run } = commandWorld(t);
  const at = (name: string) => join(source, name);
  for (let n = 0; n < 10; n++) write(at(`f${n}`), `old ${n}`);
  const killed = await follow();
  await alike(killed);
  for (let n = 0; n < 10; n++) write(at(`f${n}`), `new ${n}`);
  killed.kill();
  await killed.ended;
  const mirror = await follow();
  await alike(mirror);
  await mirror.stop();
  for (let n = 0; n < 10; n++) write(at(`f${n}`), `old ${n}`);
  const { code, stderr } = await run('--once');
  assert.equal(code, 0, stderr);
  assert.equal(readFileSync(join(source, '../dest/f7'), 'utf8'), 'old 7', 'written while none ran');
  assert.match((await run('--once')).stdout, /^0 copied/);
});

test('what was recorded and not applied when the mirror was killed is applied by its next start', async (t) => {
  const { root, source, follow, alike, run } = commandWorld(t);
  const [path, at] = [join(root, 'changes.db'), (...names: string[]) => join(source, ...names)];
  for (const name of ['one', 'two']) {
    mkdirSync(at(name));
    write(at(name, 'file'), name);
  }
  assert.equal((await run('--once', '--change-log', path)).code, 0);
  const { ctimeMs } = statSync(at('two/file'));
  await until('they have changed too long ago to be compared', () => Date.now() - ctimeMs > 2_100);
  assert.equal((await run('--once', '--change-log', path)).code, 0);
  renameSync(at('one'), at('aside'));
  renameSync(at('two'), at('one'));
  renameSync(at('aside'), at('two'));
  const log = await createChangeLog({ path });
  const put = (key: string) => ({ key, operation: 'put' as const, timestamp: new Date() });
  await log.record([put('one/file'), put('two/file')]);
  await log.close();
  await alike(await follow('--change-log', path));
});

test('a tree that is renamed is renamed: nothing of it is copied, also by a mirror that did not make the copy', async (t) => {
  const { source, follow, alike, run } = commandWorld(t);
  const at = (...names: string[]) => join(source, ...names);
  mkdirSync(at('tree/below'), { recursive: true });
  for (let n = 0; n < 400; n++) write(at('tree/below', `${n}`), `content ${n}`);
  await run('--once');
  const mirror = await follow();
  renameSync(at('tree'), at('other'));
  await alike(mirror);
  for (let n = 0; n < 5; n++) renameSync(at(`other/below/${n}`), at(`${n}`));
  await alike(mirror);
  assert.match((await mirror.stop()).stdout, /^0 copied/);
});

test('a file that went, came and went again within a moment is not left in DEST', async (t) => {
  const { source, dest, follow, alike } = commandWorld(t);
  const names = Array.from({ length: 60 }, (_, n) => `c${n}`);
  for (const name of names) writeFileSync(join(source, name), 'old');
  const mirror = await follow();
  await alike(mirror);
  const lasts = (ms: number) => stays('it runs', () => mirror.running, ms);
  for (const [n, name] of names.entries()) {
    // Keeps the mirror busy, so that it checks the name when the file is there again.
    for (let k = 0; k < 30; k++) writeFileSync(join(source, `n${n % 20}.${k}`), `${n}`);
    await lasts(5);
    unlinkSync(join(source, name));
    await lasts(10 + (n % 8));
    writeFileSync(join(source, name), 'x');
    await lasts(45 + (n % 4) * 6);
    unlinkSync(join(source, name));
  }
  await alike(mirror);
  assert(!names.some((name) => existsSync(join(dest, name))));
  assert.equal(heardOf(mirror, 'replica_scan_done').length, 1, onlyItsStart);
});

/** A SOURCE whose times have whole seconds. */
const coarse = (root: string): string => join(loopMount(join(root, 'disk'), { made: ['-I', '128'] }), 'source');

for (const how of [[], ['--poll', '--scan-interval-seconds', '0.5']]) {
  test(`a file that is written again within the same tick of a clock of seconds is followed, by ${how[0] ?? 'events'}`, {
    skip,
  }, async (t) => {
    const { source, dest, follow, alike } = commandWorld(t, coarse);
    const [from, to] = [join(source, 'a'), join(dest, 'a')];
    writeFileSync(from, 'at the start');
    const mirror = await follow(...how);
    await alike(mirror);
    const times = () => [statSync(from).ctimeMs, statSync(from).mtimeMs];
    for (let hits = 0, round = 100; hits < 3; round++) {
      await until('a second begins', () => Date.now() % 1_000 < 50, { everyMs: 5 });
      writeFileSync(from, `first ${round}`);
      const first = times();
      await until('it is copied', () => readFileSync(to, 'utf8') === `first ${round}`, { everyMs: 5 });
      writeFileSync(from, `again ${round}`);
      if (first.every((ms, n) => ms === times()[n])) hits++;
      await alike(mirror);
    }
  });
}

test('a folder that a scan could not read is compared when it can be read', { skip }, async (t) => {
  const { root, source, run, follow, alike } = commandWorld(t);
  const [disk, sub] = [join(root, 'disk'), join(source, 'sub')];
  mkdirSync(disk);
  writeFileSync(join(source, 'beside'), 'so that SOURCE is not empty');
  write(join(disk, 'file'), 'old');
  bindMount(disk, sub);
  assert.equal((await run('--once')).code, 0);
  write(join(disk, 'file'), 'new');
  unmount(sub);
  const { ctimeMs } = statSync(join(disk, 'file'));
  await until('it has changed too long ago to be compared', () => Date.now() - ctimeMs > 2_100);
  const mirror = await follow();
  assert.equal(heardOf(mirror, 'replica_failed')[0]?.code, 'mount_missing');
  bindMount(disk, sub);
  await alike(mirror);
});
