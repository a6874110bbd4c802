/** A producer's memory does not grow with the number of files. */
import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Apart } from './apart.js';

const ALLOWED_MIB = 24;

test('300,000 names of 200 bytes cost at most 24 MB more than 10,000', async (t) => {
  const few = await peakMib(10_000);
  const many = await peakMib(300_000);
  t.diagnostic(`peak with 10,000 names ${few} MiB, with 300,000 ${many} MiB`);
  assert(many - few <= ALLOWED_MIB, `${many} MiB against ${few} MiB`);
});

/** Of a start-up scan that enqueues all, and a rescan that finds all known. */
async function peakMib(names: number): Promise<number> {
  const apart = new Apart();
  try {
    for (let i = 0; i < names; i++) closeSync(openSync(join(apart.input, String(i).padStart(200, 'x')), 'w'));
    assert.equal((await apart.start()).taken, names);
    const { taken, peakBytes } = await apart.rescan();
    assert.equal(taken, names);
    return Math.round(peakBytes / 2 ** 20);
  } finally {
    await apart.end();
  }
}
