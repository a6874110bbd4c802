/** Rotated and compressed manifests: read whole, or refused. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { packingOf, UnreadableManifest, unpacked } from '../../../src/ingest/manifest/unpack.js';
import { createWorld } from '../../world/world.js';
import { zstdFrame } from '../../world/zstd.js';

for (const [packing, pack] of [
  ['gzip', (text: string) => gzipSync(text)],
  ['zstd', zstdFrame],
] as const) {
  test(`a ${packing} of several parts is read to its end, and one that is cut is no short answer`, async (t) => {
    const { root } = createWorld(t);
    const path = join(root, 'manifest');
    const read = async (bytes: Buffer): Promise<string> => {
      writeFileSync(path, bytes);
      assert.equal(packingOf(path), packing);
      const chunks: Buffer[] = [];
      for await (const chunk of unpacked(path, packing, 0)) chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    };
    const texts = ['first line\n'.repeat(5_000), 'second line\n'];
    const parts = texts.map(pack);
    assert.equal(await read(Buffer.concat(parts)), texts.join(''));
    for (const missing of [1, parts[1]!.length - 5, parts[1]!.length + 1])
      await assert.rejects(read(Buffer.concat(parts).subarray(0, -missing)), UnreadableManifest, `${missing} bytes`);
  });
}

test('a zstd that begins with a frame to skip, as pzstd writes it, is read; other packings are refused', async (t) => {
  const { root } = createWorld(t);
  const path = join(root, 'manifest');
  const read = async (bytes: Buffer): Promise<string> => {
    writeFileSync(path, bytes);
    const chunks: Buffer[] = [];
    for await (const chunk of unpacked(path, packingOf(path), 0)) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };
  const skipped = Buffer.from('502a4d180400000001020304', 'hex');
  assert.equal(await read(Buffer.concat([skipped, zstdFrame('a line\n')])), 'a line\n');
  for (const magic of ['425a6839', 'fd377a585a00', '04224d18', '4c5a4950', '1f9d90', '504b0304'])
    await assert.rejects(read(Buffer.from(`${magic}00000000`, 'hex')), /is packed by .* unpack it/, magic);
});
