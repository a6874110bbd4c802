/** Digests around the border between small and large, and of files that grow or shrink while they are read. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, closeSync, openSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { digestLarge, digestSmall, digestUnchanged, SMALL_BYTES } from '../../src/files/digest.js';
import { statFd } from '../../src/linux/index.js';
import { folderFor } from './folder.js';

const CHUNK = 4 << 20;
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

function opened(t: TestContext, content: Buffer): { path: string; fd: number } {
  const path = join(folderFor(t), 'file');
  writeFileSync(path, content);
  const fd = openSync(path, 'r');
  t.after(() => closeSync(fd));
  return { path, fd };
}

test('small files, up to the border and by themselves', (t) => {
  for (const size of [0, 1, 4_096, SMALL_BYTES - 1, SMALL_BYTES]) {
    const content = randomBytes(size);
    const digest = digestSmall(opened(t, content).fd);
    assert.deepEqual([digest.sha256.toString('hex'), digest.bytes], [sha256(content), size]);
  }
});

test('a file that has outgrown the border shows in the number of bytes, wherever it ends by now', (t) => {
  for (const more of [1, 2, CHUNK]) {
    const { path, fd } = opened(t, randomBytes(SMALL_BYTES));
    appendFileSync(path, randomBytes(more));
    assert(digestSmall(fd).bytes > SMALL_BYTES);
  }
});

test('large files, around the ends of chunks; each chunk is handed on once, in order, before the next', async (t) => {
  for (const size of [0, 1, SMALL_BYTES + 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 7]) {
    const content = randomBytes(size);
    const parts: Buffer[] = [];
    let at = 0;
    let busy = false;
    const digest = await digestLarge(opened(t, content).fd, async (chunk, offset) => {
      assert(!busy && offset === at);
      busy = true;
      await new Promise(setImmediate);
      parts.push(Buffer.from(chunk));
      at += chunk.length;
      busy = false;
    });
    assert.deepEqual([digest.sha256.toString('hex'), digest.bytes], [sha256(content), size]);
    assert(Buffer.concat(parts).equals(content), `${size} bytes were handed on`);
  }
});

test('a file that grows or shrinks while it is read: the digest is of what was read, and bytes say how much', async (t) => {
  const content = randomBytes(3 * CHUNK);
  for (const change of ['grows', 'shrinks'] as const) {
    const { path, fd } = opened(t, content);
    const parts: Buffer[] = [];
    const digest = await digestLarge(fd, async (chunk, at) => {
      if (at === 0 && change === 'grows') appendFileSync(path, randomBytes(1_000));
      if (at === 0 && change === 'shrinks') truncateSync(path, 100);
      parts.push(Buffer.from(chunk));
    });
    const read = Buffer.concat(parts);
    assert.deepEqual([digest.sha256.toString('hex'), digest.bytes], [sha256(read), read.length]);
    assert(change === 'grows' ? read.length === content.length + 1_000 : read.length < content.length, change);
  }
});

test('a file that changes before or while it is read, with its size or not, has no digest of its version', async (t) => {
  for (const size of [100, 2 * CHUNK])
    for (const bytes of [Buffer.from('other'), Buffer.alloc(size, 'x')]) {
      const content = randomBytes(size);
      const { path, fd } = opened(t, content);
      utimesSync(path, 1, 1); // so that any change shows
      const stat = statFd(fd);
      assert.equal((await digestUnchanged(fd, stat))?.toString('hex'), sha256(content));
      const take = async (): Promise<void> => writeFileSync(path, bytes);
      assert.equal(await digestUnchanged(fd, stat, { take }), undefined);
      assert.equal(await digestUnchanged(fd, stat), undefined);
    }
});

test('an error of the chunk handler is passed on unchanged', async (t) => {
  const { fd } = opened(t, randomBytes(2 * CHUNK));
  const failing = digestLarge(fd, async () => {
    throw new Error('no space');
  });
  await assert.rejects(failing, /no space/);
});
