/** The content of the file at a path, which others may replace while it is read. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SMALL_BYTES } from '../../../src/files/digest.js';
import { contentAt } from '../../../src/ingest/warehouse/target.js';
import { nameOfText } from '../../../src/linux/index.js';
import { createWorld } from '../../world/world.js';

test('a file that is replaced while it is read has no content: the hash would be of another file', async (t) => {
  const { root } = createWorld(t);
  const dir = openSync(root, 'r');
  t.after(() => closeSync(dir));
  const entry = { dir, name: nameOfText('a.csv') };
  writeFileSync(join(root, 'a.csv'), randomBytes(SMALL_BYTES * 4));
  assert.equal((await contentAt(entry))?.length, 32);
  const reading = contentAt(entry);
  writeFileSync(join(root, 'next'), 'of somebody else');
  renameSync(join(root, 'next'), join(root, 'a.csv'));
  assert.equal(await reading, undefined);
  const read = contentAt(entry);
  unlinkSync(join(root, 'a.csv'));
  assert.equal((await read)?.length, 32, 'a consumer took it meanwhile');
});
