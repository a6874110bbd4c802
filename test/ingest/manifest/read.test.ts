/** Lines of a manifest are read back as they were written, also the longest ones. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { linesOf } from '../../../src/ingest/manifest/read.js';
import { createWorld } from '../../world/world.js';

test('a line with a thousand outputs of long paths is a record', async (t) => {
  const { root } = createWorld(t);
  const path = join(root, 'manifest.jsonl');
  const outputs = Array.from({ length: 1_000 }, (_, n) => ({ tag: n, path: `/${'p'.repeat(4_000)}` }));
  const record = { sha256: 'a'.repeat(64), ingest_id: 'one', outputs };
  writeFileSync(path, `${JSON.stringify(record)}\n`);
  const found: unknown[] = [];
  for await (const line of linesOf(path)) found.push(line.record?.fields);
  assert.deepEqual(found, [record]);
});
