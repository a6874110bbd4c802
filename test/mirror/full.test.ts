/**
 * DEST or the change log has no room: it is waited for, and nothing is lost.
 */
import assert from 'node:assert/strict';
import {
  mkdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createChangeLog } from '../../src/change-log/index.js';
import { limits } from '../../src/mirror/trees/limits.js';
import { tmpfsMount } from '../world/mounts.js';
import { isRoot } from '../world/users.js';
import { stays, until } from '../world/waiting.js';
import { assertAlike, leftOver, mirrorWorld } from './mirror-world.js';

const needsMounts = { skip: isRoot ? false : 'not root: no filesystem of a bounded size was mounted' };

test('a full DEST is logged once, waited for, and continues when there is room', needsMounts, async (t) => {
  const { root, source, dest, follow, alike, heard, told } = mirrorWorld(t);
  tmpfsMount(dest, { size: '4m' });
  writeFileSync(join(source, 'small'), 'x');
  writeFileSync(join(source, 'first'), Buffer.alloc(3 << 20, 1));
  await follow({ changeLog: join(root, 'changes.db') });
  await alike();
  writeFileSync(join(source, 'second'), Buffer.alloc(1 << 20, 2));
  assert.equal((await heard('replica_waiting')).code, 'ENOSPC');
  assert.deepEqual(leftOver(dest), []);
  assert(statfsSync(dest).bavail > 0);
  // Removals continue meanwhile, and make room.
  unlinkSync(join(source, 'first'));
  await alike();
  await heard('replica_goes_on');
  assert.equal(told.filter(({ event }) => event === 'replica_waiting').length, 1);
});

test(
  'once: a full DEST is waited for until all is there, also more files than are kept to be tried again',
  needsMounts,
  async (t) => {
    const { root, source, dest, once, heard } = mirrorWorld(t);
    tmpfsMount(dest);
    for (let n = 0; n < limits.retriesMax + 300; n++) writeFileSync(join(source, `${n}`), 'x');
    const filler = join(dest, '.ingest-replicate/filler');
    mkdirSync(join(dest, '.ingest-replicate'));
    const { bavail, bsize } = statfsSync(dest);
    writeFileSync(filler, Buffer.alloc((bavail - 100) * bsize));
    const done = once({ changeLog: join(root, 'changes.db') });
    await heard('replica_scan_done');
    rmSync(filler);
    assert.deepEqual((await done).unmirrored, []);
    assertAlike(source, dest);
  },
);

test(
  'a full change log is reported, a full scan finds what it lacks, and others get every change when it has room',
  needsMounts,
  async (t) => {
    const { root, source, follow, alike, heard } = mirrorWorld(t);
    const disk = tmpfsMount(join(root, 'disk'), { size: '1m' });
    const path = join(disk, 'changes.db');
    const log = await createChangeLog({ path });
    t.after(() => log.close());
    const { seq } = await log.register('indexer');
    await follow({ changeLog: path });
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(join(disk, 'filling'), Buffer.alloc(bavail * bsize));
    const names = Array.from({ length: 200 }, (_, n) => `${n}`.padEnd(250, 'x'));
    for (const name of names) writeFileSync(join(source, name), 'x');
    assert.equal((await heard('replica_log_failing')).code, 'change_log_full');
    await alike();
    rmSync(join(disk, 'filling'));
    writeFileSync(join(source, 'again'), 'told');
    await alike();
    await until('others have all of them', async () => {
      const told = new Set((await log.since(seq)).map(({ key }) => key.toString()));
      return ['again', ...names].every((name) => told.has(name));
    });
  },
);

test('a file that can never fit is named, and keeps no other one waiting', needsMounts, async (t) => {
  const { root, source, dest, once, told } = mirrorWorld(t);
  tmpfsMount(dest, { size: '4m' });
  writeFileSync(join(source, 'a'), Buffer.alloc(8 << 20, 1));
  writeFileSync(join(source, 'b'), 'fits');
  writeFileSync(join(source, 'holes'), '');
  truncateSync(join(source, 'holes'), 1 << 30);
  const { unmirrored } = await once({ changeLog: join(root, 'changes.db') });
  assert.deepEqual(
    unmirrored.map(({ path, code }) => [path, code]),
    [['a', 'too_large']],
  );
  assert.equal(readFileSync(join(dest, 'b'), 'utf8'), 'fits');
  assert.equal(statSync(join(dest, 'holes')).size, 1 << 30);
  assert(!told.some(({ event }) => event === 'replica_waiting'));
});

test(
  'a file that does not fit now is named once, keeps no other one waiting, and is there when it fits',
  needsMounts,
  async (t) => {
    const { root, source, dest, follow, alike, heard, told } = mirrorWorld(t);
    tmpfsMount(dest, { size: '8m' });
    mkdirSync(join(dest, '.ingest-replicate'));
    writeFileSync(join(dest, '.ingest-replicate/filler'), Buffer.alloc(4 << 20));
    writeFileSync(join(source, 'a'), Buffer.alloc(6 << 20, 1));
    for (let n = 0; n < 20; n++) {
      mkdirSync(join(source, `${n}`));
      writeFileSync(join(source, `${n}`, 'fits'), 'x');
    }
    const mirror = await follow({ changeLog: join(root, 'changes.db') });
    assert.deepEqual([mirror.status().totals.copied, mirror.status().waiting], [20, undefined]);
    await stays('no other one waits', () => mirror.status().waiting === undefined, 2_000);
    assert.deepEqual(
      told.filter(({ event }) => event !== 'replica_scan_done').map(({ event, path, code }) => [event, path, code]),
      [['replica_failed', 'a', 'ENOSPC']],
    );
    rmSync(join(dest, '.ingest-replicate/filler'));
    await alike();
    await heard('replica_healed');
  },
);
