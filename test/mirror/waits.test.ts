/**
 * A mirror waits while DEST cannot be used, goes on by itself, and ends at a signal in any state.
 */
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EnvironmentError } from '../../src/base/errors.js';
import { namesIn } from '../../src/files/names-in.js';
import { limits } from '../../src/mirror/trees/limits.js';
import { tmpfsMount, unmount } from '../world/mounts.js';
import { Program } from '../world/program.js';
import { callsOf, canTrace } from '../world/tracer.js';
import { asSomebody, isRoot, ordinaryUser } from '../world/users.js';
import { until } from '../world/waiting.js';
import { commandWorld, heard as heardBy, heardOf } from './by-command.js';
import { assertAlike, fill, mirrorWorld } from './mirror-world.js';

test('a DEST that may not be entered is refused at a start, and waited for by a running mirror', async (t) => {
  const { root, source, dest, follow, once, alike, heard, told } = mirrorWorld(t);
  for (const path of [root, source, dest]) chownSync(path, ordinaryUser.uid, ordinaryUser.gid);
  await asSomebody(async () => {
    chmodSync(dest, 0o600);
    await assert.rejects(once(), (error: Error) => error instanceof EnvironmentError && /EACCES/.test(error.message));
    chmodSync(dest, 0o700);
    const mirror = await follow();
    chmodSync(dest, 0o600);
    writeFileSync(join(source, 'a'), 'x');
    await until('it is missing', () => told.some(({ event, code }) => event === 'dest_missing' && code === 'EACCES'));
    chmodSync(dest, 0o700);
    await heard('dest_back');
    await alike();
    await mirror.stop();
  });
});

const needsMounts = { skip: isRoot ? false : 'not root: no filesystem was mounted' };

test(
  'a mount below SOURCE that a full DEST cannot note is waited for, and a start with a full DEST too',
  needsMounts,
  async (t) => {
    const { root, source, dest, start, run, alike } = commandWorld(t);
    const [log, mount] = [join(root, 'changes.db'), join(source, 'mount')];
    tmpfsMount(dest, { size: '4m' });
    for (const name of ['first', 'second']) writeFileSync(join(source, name), 'x');
    assert.equal((await run('--once', '--change-log', log)).code, 0);
    const empty = fill(dest);
    tmpfsMount(mount);
    writeFileSync(join(mount, 'kept'), 'x');
    const mirror = start('--change-log', log);
    assert.equal((await heardBy(mirror, 'replica_waiting')).code, 'ENOSPC');
    unlinkSync(join(source, 'first'));
    await until('removals go on', () => !existsSync(join(dest, 'first')), { soFar: () => mirror.tail() });
    empty();
    await heardBy(mirror, 'replica_goes_on');
    await alike(mirror);
    assert.equal((await mirror.stop()).code, 0);
    unmount(mount);
    assert.equal((await run('--once', '--change-log', log)).code, 4, 'the missing mount is named');
    assert.equal(readFileSync(join(dest, 'mount/kept'), 'utf8'), 'x');
  },
);

test(
  'a scan goes past all that a full DEST has no room for, so that what it removes makes room',
  needsMounts,
  async (t) => {
    const { root, source, dest, follow, alike } = commandWorld(t);
    tmpfsMount(dest, { options: ['nr_inodes=100'] });
    const folders = Array.from({ length: 10 }, (_, n) => join(source, `${n}`));
    for (const folder of folders) mkdirSync(folder);
    const mirror = await follow('--change-log', join(root, 'changes.db'), '--scan-interval-seconds', '0.5');
    const fillers: string[] = [];
    const fill = () => {
      for (;;) {
        const filler = join(dest, `.ingest-replicate/filler${fillers.length}`);
        writeFileSync(filler, '');
        fillers.push(filler);
      }
    };
    assert.throws(fill, /ENOSPC/);
    for (const folder of folders) {
      mkdirSync(join(folder, 'directory'));
      writeFileSync(join(folder, 'file'), 'x');
      symlinkSync('file', join(folder, 'symlink'));
    }
    assert.equal((await heardBy(mirror, 'replica_waiting')).code, 'ENOSPC');
    const scans = heardOf(mirror, 'replica_scan_done').length;
    // The first may have begun before.
    const { seconds } = await heardBy(mirror, 'replica_scan_done', scans + 2);
    assert(Number(seconds) * 1_000 < limits.placeRetryMs, `it took ${seconds} s`);
    for (const filler of fillers) rmSync(filler);
    await heardBy(mirror, 'replica_goes_on');
    await alike(mirror);
    await mirror.stop();
  },
);

test('a signal ends a mirror while it sets its watches', async (t) => {
  if (!canTrace) return t.skip('strace cannot trace here; not tested: a signal while the watches are set');
  const { root, source, dest } = commandWorld(t);
  const [folders, trace] = [1_000, join(root, 'trace')];
  for (let n = 0; n < folders; n++) mkdirSync(join(source, `${n}`));
  const signalled = 'inject=inotify_add_watch:signal=SIGTERM:when=100';
  const wrap = ['timeout', '300', 'strace', '-f', '-qq', '-o', trace, '-e', 'trace=inotify_add_watch', '-e', signalled];
  const { code, events, stderr } = await new Program('ingest-replicate', [source, dest], undefined, { wrap }).ended;
  assert.equal(code, 0, stderr);
  assert(events.some(({ event }) => event === 'draining'));
  const watches = callsOf(readFileSync(trace, 'latin1')).length;
  assert(watches < folders, `${watches} watches`);
});

test(
  'once: what waited for a full DEST goes from SOURCE, and what was not kept to be tried is there',
  needsMounts,
  async (t) => {
    const { root, source, dest, once, heard, told } = mirrorWorld(t);
    tmpfsMount(dest);
    for (let n = 0; n < limits.retriesMax + 300; n++) writeFileSync(join(source, `${n}`), 'x');
    const empty = fill(dest, 100);
    const fd = openSync(source, 'r');
    const kept = [...namesIn(fd)].slice(0, -50);
    closeSync(fd);
    const done = once({ changeLog: join(root, 'changes.db') });
    await heard('replica_scan_done');
    for (const name of kept) unlinkSync(join(source, name));
    assert.deepEqual((await done).unmirrored, []);
    assert(
      told.some(({ code }) => code === 'ENOSPC'),
      'DEST was full',
    );
    empty();
    assertAlike(source, dest);
  },
);
