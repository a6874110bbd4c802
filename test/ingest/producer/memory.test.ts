/** A producer's memory does not grow with the number of files. */
import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Apart } from './apart.js';

/** The names alone are 30 MB. */
const ALLOWED_BYTES = 24e6;

test('150,000 names of 200 bytes cost at most 24 MB more than 10,000', async (t) => {
  const few = await peakBytes(10_000);
  const many = await peakBytes(150_000);
  t.diagnostic(`peak with 10,000 names ${few} bytes, with 150,000 ${many}: ${many - few} more`);
  assert(many - few <= ALLOWED_BYTES, `${many} bytes against ${few}`);
});

/** The peak of a start-up scan that enqueues all files, and of a rescan that finds all known. */
async function peakBytes(names: number): Promise<number> {
  const apart = new Apart();
  try {
    for (let i = 0; i < names; i++) closeSync(openSync(join(apart.input, String(i).padStart(200, 'x')), 'w'));
    assert.equal((await apart.start()).taken, names);
    const { taken, peakBytes } = await apart.rescan();
    assert.equal(taken, names);
    return peakBytes;
  } finally {
    await apart.end();
  }
}
