/** Packed files and UTF-16: read through to their end, or held with the place where they stop. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { runChain, type TestedChain } from '../../src/process/index.js';

const LINES: TestedChain = { format: 'csv', start: 'check', steps: { check: { next: 'out' } } };
const rows = (count: number) => `k,v\n${Array.from({ length: count }, (_, at) => `${at},x\n`).join('')}`;

test('gzip of one and of several members', async () => {
  const text = rows(100_000);
  const members = Buffer.concat([gzipSync(text.slice(0, 500_001)), gzipSync(''), gzipSync(text.slice(500_001))]);
  for (const packed of [gzipSync(text), members]) {
    const { records, outputs } = await runChain(LINES, packed, 'a.csv.gz');
    assert.equal(records, 100_000);
    assert.ok(outputs.out === text);
  }
});

test('a gzip that is cut is held with its offset, wherever it is cut', async () => {
  const packed = gzipSync(rows(10_000));
  for (const length of [packed.length - 1, packed.length - 9, packed.length >> 1, 20, 5]) {
    const { held } = await runChain(LINES, packed.subarray(0, length), 'a.csv.gz');
    assert.equal(held?.code, 'gzip_cut', String(length));
    assert.match(held.reason, /^a\.csv\.gz is gzip that is cut after \d+ unpacked bytes; send it again$/);
  }
});

test('a gzip with a damaged byte, or followed by something else, is held', async () => {
  const packed = gzipSync(rows(10_000));
  const damaged = Buffer.from(packed);
  damaged[damaged.length - 6]! ^= 1;
  for (const bytes of [damaged, Buffer.concat([packed, randomBytes(300_000)])])
    assert.equal((await runChain(LINES, bytes, 'a.csv.gz')).held?.code, 'gzip_damaged');
});

test('more unpacked bytes than the bound are held', async () => {
  const { held } = await runChain({ ...LINES, 'unpacked-bytes-max': 1_000 }, gzipSync(rows(1_000)), 'a.csv.gz');
  assert.equal(held?.code, 'unpacked_too_large');
});

test('UTF-16 is held with what to do; with encoding: utf-16le it comes out as UTF-8', async () => {
  const text = `k,v\n${'\u00fc,\u{1f600}\n'.repeat(100_000)}`;
  const bytes = Buffer.from(`\ufeff${text}`, 'utf16le');
  const { held } = await runChain(LINES, bytes);
  assert.equal(held?.code, 'not_utf8');
  assert.match(held.reason, /is UTF-16 \(little endian\): .* set encoding: utf-16le/);
  const { held: without } = await runChain(LINES, bytes.subarray(2));
  assert.equal(without?.code, 'nul_byte');
  assert.match(without.reason, /is it UTF-16\? then set encoding: utf-16le/);
  for (const one of [bytes, bytes.subarray(2), gzipSync(bytes)]) {
    const { records, outputs } = await runChain({ ...LINES, encoding: 'utf-16le' }, one);
    assert.equal(records, 100_000);
    assert.ok(outputs.out === text);
  }
  const cut = await runChain({ ...LINES, encoding: 'utf-16le' }, bytes.subarray(0, bytes.length - 1));
  assert.equal(cut.held?.code, 'not_utf8');
});
