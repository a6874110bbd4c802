/** A copy has the bytes that were hashed, and the attributes of its source. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  ftruncateSync,
  lutimesSync,
  openSync,
  readFileSync,
  statfsSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { spareSpot } from '../../queue/index.js';
import { type CopyBounds, copyTo } from '../../src/files/copy.js';
import { SMALL_BYTES } from '../../src/files/digest.js';
import { BelowMark } from '../../src/files/place-error.js';
import { RateLimit } from '../../src/files/rate-limit.js';
import { bootMs, nameOfText, type Stat, statFd } from '../../src/linux/index.js';
import { directoriesIn, folderFor } from './folder.js';

const COPY = nameOfText('copy');
const isRoot = process.getuid?.() === 0;

async function copied(
  t: TestContext,
  root: string,
  bounds: CopyBounds = {},
): Promise<{ before: Stat; after: Stat; sha256: string; bytes: number }> {
  const entry = { dir: directoriesIn(t, root).rootFd, name: COPY };
  const from = openSync(join(root, 'source'), 'r');
  try {
    const before = statFd(from);
    const { sha256, bytes } = await copyTo(from, before, entry, bounds);
    const to = openSync(join(root, 'copy'), 'r');
    const after = statFd(to);
    closeSync(to);
    return { before, after, sha256: sha256.toString('hex'), bytes };
  } finally {
    closeSync(from);
  }
}

test('bytes and digest, around the size where small files end', async (t) => {
  const root = folderFor(t);
  for (const size of [0, 1, SMALL_BYTES - 1, SMALL_BYTES, SMALL_BYTES + 1, 9 << 20]) {
    const content = randomBytes(size);
    writeFileSync(join(root, 'source'), content);
    const { sha256, bytes } = await copied(t, root);
    assert.equal(bytes, size);
    assert.equal(sha256, createHash('sha256').update(content).digest('hex'));
    assert(readFileSync(join(root, 'copy')).equals(content), `${size} bytes`);
  }
});

test('mode and times are kept, to the nanosecond, also what umask would take away', async (t) => {
  const root = folderFor(t);
  for (const mode of [0o400, 0o664, 0o777]) {
    writeFileSync(join(root, 'source'), 'x', { flag: 'a' });
    chmodSync(join(root, 'source'), mode);
    lutimesSync(join(root, 'source'), 1_000_000_000.25, 1_234_567_890.125);
    const { before, after } = await copied(t, root);
    const kept = ({ mode, uid, gid, size, atimeNs, mtimeNs }: Stat) => ({ mode, uid, gid, size, atimeNs, mtimeNs });
    assert.deepEqual(kept(after), kept(before));
    assert.equal(after.mode, mode);
    assert.equal(after.mtimeNs % 1_000_000_000n, 125_000_000n);
    chmodSync(join(root, 'source'), 0o600);
  }
});

test('the owner is kept, and so are the set-id bits that a change of owner clears', {
  skip: isRoot ? false : 'not root: that a copy keeps another owner was not tested',
}, async (t) => {
  const root = folderFor(t);
  writeFileSync(join(root, 'source'), 'x');
  chownSync(join(root, 'source'), 1_234, 2_345);
  chmodSync(join(root, 'source'), 0o6755);
  const { after } = await copied(t, root);
  assert.deepEqual([after.uid, after.gid, after.mode], [1_234, 2_345, 0o6755]);
});

test('holes stay holes: in front, in between, at the end, in small files and large ones', async (t) => {
  const root = folderFor(t);
  const data = randomBytes(128 << 10);
  // The positions of the data, and the length of the file.
  const files: [at: number[], bytes: number][] = [
    [[], 900_000],
    [[512 << 10], 1 << 20],
    [[0], 64 << 20],
    [[3 << 20, 9 << 20, (60 << 20) - 70_001], 64 << 20],
  ];
  for (const keepFree of [0, 1]) {
    for (const [positions, bytes] of files) {
      const fd = openSync(join(root, 'source'), 'w');
      for (const at of positions) writeSync(fd, data, 0, data.length, at);
      ftruncateSync(fd, bytes);
      closeSync(fd);
      const { sha256 } = await copied(t, root, { keepFree });
      const [source, copy] = ['source', 'copy'].map((name) => readFileSync(join(root, name)));
      assert(copy!.equals(source!), `${bytes} bytes`);
      assert.equal(sha256, createHash('sha256').update(source!).digest('hex'));
      const [has, takes] = ['source', 'copy'].map((name) => statSync(join(root, name)).blocks * 512);
      assert(takes! <= has! + (64 << 10), `the copy of ${bytes} bytes takes ${takes}, its source ${has}`);
    }
  }
});

test('only the data of a file has to fit', async (t) => {
  const root = folderFor(t);
  const { bavail, bsize } = statfsSync(root);
  writeFileSync(join(root, 'source'), 'a little');
  truncateSync(join(root, 'source'), 10 * (bavail * bsize));
  const from = openSync(join(root, 'source'), 'r');
  t.after(() => closeSync(from));
  const entry = { dir: directoriesIn(t, root).rootFd, name: COPY };
  // It is begun: the first chunk asks the rate limit.
  const throttle = { take: () => Promise.reject(new Error('begun')) };
  await assert.rejects(copyTo(from, statFd(from), entry, { throttle, keepFree: 1 }), { message: 'begun' });
});

test('a file under the temporary name is replaced, never written through', async (t) => {
  const root = folderFor(t);
  writeFileSync(join(root, 'source'), 'new');
  writeFileSync(join(root, 'elsewhere'), 'untouched');
  symlinkSync('elsewhere', join(root, 'copy'));
  await copied(t, root);
  assert.equal(readFileSync(join(root, 'elsewhere'), 'utf8'), 'untouched');
  assert.equal(readFileSync(join(root, 'copy'), 'utf8'), 'new');
});

test('each piece waits for the rate limit, in a large file and in small ones', async (t) => {
  const root = folderFor(t);
  const RATE = 8 << 20;
  const throttle = new RateLimit(spareSpot(join(root, 'state.db')), RATE, new AbortController().signal);
  const fromMs = bootMs();
  for (const size of [4 << 20, SMALL_BYTES, SMALL_BYTES]) {
    writeFileSync(join(root, 'source'), randomBytes(size));
    await copied(t, root, { throttle });
  }
  // The last one has waited for all before it.
  assert.ok(bootMs() - fromMs >= (((4 << 20) + SMALL_BYTES) / RATE) * 1_000, `${bootMs() - fromMs} ms`);
  throttle.close();
});

test('nothing is copied where less than asked for would stay free', async (t) => {
  const root = folderFor(t);
  const { bavail, bsize, blocks } = statfsSync(root);
  writeFileSync(join(root, 'source'), randomBytes(3 << 20));
  const refused = copied(t, root, { keepFree: bavail * bsize + (64 << 20) });
  await assert.rejects(refused, (error) => error instanceof BelowMark && error.capacityBytes === blocks * bsize);
  assert.equal(statSync(join(root, 'copy')).size, 0);
});
