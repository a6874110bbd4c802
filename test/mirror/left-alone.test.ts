/**
 * A mirror leaves alone in DEST: filesystems that are mounted there, entries that it may not remove, and those that the
 * filters leave out.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tmpfsMount, unmount } from '../world/mounts.js';
import { tree } from '../world/tree.js';
import { asSomebody, isRoot, ordinaryUser } from '../world/users.js';
import { until } from '../world/waiting.js';
import { assertAlike, mirrorWorld } from './mirror-world.js';

const needsMounts = { skip: isRoot ? false : 'not root: nothing that needs a mount of its own was tested' };

test(
  'a filesystem that is mounted in DEST, where SOURCE has the folder too, is left as it is',
  needsMounts,
  async (t) => {
    const { source, dest, once, follow, told } = mirrorWorld(t);
    mkdirSync(join(source, 'm/deep'), { recursive: true });
    for (const path of ['beside', 'm/ours', 'm/deep/ours']) writeFileSync(join(source, path), 'ours');
    await once();
    tmpfsMount(join(dest, 'm'));
    mkdirSync(join(dest, 'm/deep'));
    for (const name of ['theirs', 'deep/theirs', '.ingest-root']) writeFileSync(join(dest, 'm', name), 'theirs');
    const before = tree(join(dest, 'm'));
    rmSync(join(source, 'm/ours'));
    for (let time = 1; time <= 2; time++) {
      const { unmirrored } = await once();
      assert.deepEqual(
        unmirrored.map(({ path, code }) => [path, code]),
        [['m', 'kept']],
      );
      assert.deepEqual(tree(join(dest, 'm')), before);
    }
    assert.deepEqual((await once({ exclude: ['m'] })).unmirrored, []);
    const following = await follow();
    writeFileSync(join(source, 'm/deep/late'), 'ours');
    rmSync(join(source, 'm/deep/ours'));
    writeFileSync(join(source, 'beside'), 'changed after that');
    const isBeside = () => readFileSync(join(dest, 'beside'), 'utf8') === 'changed after that';
    await until('the changes are applied', () => isBeside() && following.status().behind === 0);
    const failed = new Set(told.filter(({ event }) => event === 'replica_failed').map(({ path }) => path));
    assert.deepEqual([...failed], ['m']);
    assert.deepEqual(tree(join(dest, 'm')), before);
    following.stop();
    await following.done;
    unmount(join(dest, 'm'));
    await once();
    assertAlike(source, dest);
  },
);

test('what cannot be removed is named at the start, and the mirror goes on', needsMounts, async (t) => {
  const { source, dest, once, told } = mirrorWorld(t);
  for (const folder of ['removed', 'replaced']) {
    mkdirSync(join(source, folder));
    writeFileSync(join(source, folder, 'stuck'), 'x');
  }
  await once();
  const stuck = ['removed', 'replaced'].map((folder) => join(dest, folder, 'stuck'));
  if (spawnSync('chattr', ['+i', ...stuck]).status !== 0) return t.skip('no chattr: nothing was tested');
  try {
    rmSync(join(source, 'removed'), { recursive: true });
    rmSync(join(source, 'replaced'), { recursive: true });
    writeFileSync(join(source, 'replaced'), 'a file now');
    for (let time = 1; time <= 3; time++) {
      told.length = 0;
      assert.deepEqual((await once()).unmirrored, []);
      const left = told.filter(({ event }) => event === 'replica_leftover');
      assert.deepEqual(
        left.map(({ code }) => code),
        ['EPERM', 'EPERM'],
      );
      assertAlike(source, dest);
    }
  } finally {
    const making = join(dest, '.ingest-replicate/making');
    for (const name of readdirSync(making)) spawnSync('chattr', ['-i', join(making, name, 'stuck')]);
  }
  await once();
  assert.deepEqual(readdirSync(join(dest, '.ingest-replicate/making')), []);
});

test('a directory that stays for what is left out keeps its mode', async (t) => {
  const { root, source, dest, once } = mirrorWorld(t);
  for (const path of [root, source, dest]) chownSync(path, ordinaryUser.uid, ordinaryUser.gid);
  await asSomebody(async () => {
    mkdirSync(join(source, 'd'));
    for (const path of ['d/a', 'stays']) writeFileSync(join(source, path), 'x');
    const exclude = ['*.keep'];
    await once({ exclude });
    writeFileSync(join(dest, 'd/x.keep'), 'x');
    chmodSync(join(dest, 'd'), 0o755);
    rmSync(join(source, 'd'), { recursive: true });
    await once({ exclude });
    assert.deepEqual(readdirSync(join(dest, 'd')), ['x.keep']);
    assert.equal(statSync(join(dest, 'd')).mode & 0o777, 0o755);
  });
});

for (const exclude of [[], ['nothing-has-this-name']])
  test(
    `a filesystem that is mounted in DEST keeps its files, with ${exclude.length} filters`,
    needsMounts,
    async (t) => {
      const { source, dest, once } = mirrorWorld(t);
      writeFileSync(join(source, 'stays'), '0');
      for (const folder of ['removed', 'replaced']) {
        mkdirSync(join(source, folder, 'm'), { recursive: true });
        writeFileSync(join(source, folder, 'ours'), '1');
      }
      await once({ exclude });
      for (const folder of ['removed', 'replaced']) {
        tmpfsMount(join(dest, folder, 'm'));
        writeFileSync(join(dest, folder, 'm/theirs'), 'not ours');
        rmSync(join(source, folder), { recursive: true });
      }
      writeFileSync(join(source, 'replaced'), 'a file now');
      for (let time = 1; time <= 2; time++) {
        const { unmirrored } = await once({ exclude });
        assert.deepEqual(unmirrored.map(({ path, code }) => [path, code]).sort(), [
          ['removed', 'kept'],
          ['replaced', 'kept'],
        ]);
      }
      for (const folder of ['removed', 'replaced']) {
        assert.equal(readFileSync(join(dest, folder, 'm/theirs'), 'utf8'), 'not ours');
        unmount(join(dest, folder, 'm'));
      }
      await once();
      assertAlike(source, dest);
    },
  );
