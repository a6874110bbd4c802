/** The lines of the manifest: exact numbers, any bytes as names, times of any age. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FeedOptions } from '../../../src/base/config/options.js';
import { partitionOf } from '../../../src/files/job-paths.js';
import type { Content } from '../../../src/ingest/ledger/content.js';
import { correctionLine, manifestLine } from '../../../src/ingest/manifest/record.js';

const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const FEED = { name: 'default', input: '/srv/in', warehouse: '/srv/wh' } as FeedOptions;

const content = (change: Partial<Content> = {}): Content => ({
  row: 1,
  feed: 'default',
  sha256: Buffer.alloc(32, 0xab),
  generation: 1,
  state: 'carried',
  carrier: 'JOB',
  size: 7,
  device: '2049',
  inode: '12',
  mtimeNs: '1700000000123456789',
  sourcePath: Buffer.from('a/b.csv'),
  seal: 'lease',
  target: Buffer.from('ingest_date=2030-01-02/b.csv'),
  hour: '2030/01/02/03',
  ingestId: 'JOB',
  ingestedAtMs: Date.UTC(2030, 0, 2, 3, 4, 5, 678),
  asked: 0,
  ...change,
});

test('the fields that the first readers of this format expect stand first, in their order', () => {
  assert.equal(
    manifestLine(content(), FEED),
    `{"path":"/srv/in/a/b.csv","sha256":"${'ab'.repeat(32)}","device":2049,"inode":12,"size":7,"mtime":1700000000,` +
      '"mtime_ns":1700000000123456789,"warehouse_path":"/srv/wh/ingest_date=2030-01-02/b.csv",' +
      '"ingested_at":"2030-01-02T03:04:05.678Z","ingest_id":"JOB","feed":"default","seal":"lease"}\n',
  );
});

test('the hash of a header is there where the file has one, not where the chain names the columns', () => {
  const made = { chain: 'check', version: 'v', claimNo: 1, isOriginal: true, rows: 1, rejected: 0, outputs: [] };
  const fields = (more: { columns: number | null; headerSha256: string | null }) =>
    Object.entries(JSON.parse(manifestLine(content(), FEED, { ...made, ...more })) as Record<string, unknown>).filter(
      ([name]) => name === 'columns' || name === 'header_sha256',
    );
  const headerSha256 = 'cd'.repeat(32);
  assert.deepEqual(fields({ columns: 2, headerSha256 }), [
    ['columns', 2],
    ['header_sha256', headerSha256],
  ]);
  assert.deepEqual(fields({ columns: 2, headerSha256: null }), [['columns', 2]]);
  assert.deepEqual(fields({ columns: null, headerSha256: null }), []);
});

test('64-bit numbers keep every digit', () => {
  const line = manifestLine(
    content({ device: '18446744073709551615', inode: '18446744073709551557', mtimeNs: '13569465600000000001' }),
    FEED,
  );
  assert.match(
    line,
    /"device":18446744073709551615,"inode":18446744073709551557,.*"mtime":13569465600,"mtime_ns":13569465600000000001,/,
  );
});

for (const [ns, seconds] of [
  ['0', 0],
  ['-1', -1],
  ['-999999999', -1],
  ['-1000000000', -1],
  ['-1000000001', -2],
  ['-2208988800000000000', -2208988800],
  ['999999999', 0],
] as const) {
  test(`an mtime of ${ns} ns is in second ${seconds}`, () => {
    const record = JSON.parse(manifestLine(content({ mtimeNs: ns }), FEED));
    assert.deepEqual([record.mtime, record.mtime_ns], [seconds, Number(ns)]);
  });
}

test('a name that is UTF-8 has no path_b64, and any other one has its bytes in it', () => {
  const plain = JSON.parse(manifestLine(content({ sourcePath: Buffer.from('ä"\\\n\u2028😀.csv') }), FEED));
  assert.deepEqual([plain.path, plain.path_b64], ['/srv/in/ä"\\\n\u2028😀.csv', undefined]);
  const raw = Buffer.from([0x61, 0xff, 0xc3, 0x2e, 0x63]);
  const record = JSON.parse(manifestLine(content({ sourcePath: raw, target: Buffer.concat([raw, raw]) }), FEED));
  assert.deepEqual(Buffer.from(record.path_b64, 'base64'), Buffer.concat([Buffer.from('/srv/in/'), raw]));
  assert.deepEqual(
    Buffer.from(record.warehouse_path_b64, 'base64'),
    Buffer.concat([Buffer.from('/srv/wh/'), raw, raw]),
  );
});

test(`a replacement character in a real name is not taken for broken bytes; SEED=${SEED}`, () => {
  const record = JSON.parse(manifestLine(content({ sourcePath: Buffer.from('\ufffd.csv') }), FEED));
  assert.deepEqual([record.path, record.path_b64], ['/srv/in/\ufffd.csv', undefined]);
  const name = fc.uint8Array({ minLength: 1, maxLength: 255 }).filter((bytes) => !bytes.includes(0));
  fc.assert(
    fc.property(name, (bytes) => {
      const line = manifestLine(content({ sourcePath: Buffer.from(bytes) }), FEED);
      assert.equal(line.indexOf('\n'), line.length - 1, 'a line is one line');
      const { path, path_b64 } = JSON.parse(line);
      const back = path_b64 === undefined ? Buffer.from(path) : Buffer.from(path_b64, 'base64');
      assert.deepEqual(back, Buffer.concat([Buffer.from('/srv/in/'), bytes]));
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test('a correction names the record that it takes back', () => {
  const record = JSON.parse(correctionLine(content(), FEED, 'given up', 0));
  assert.equal(record.correction, 'withdrawn');
  assert.equal(record.ingest_id, 'JOB');
  assert.equal(record.sha256, 'ab'.repeat(32));
  assert.equal(record.corrected_at, '1970-01-01T00:00:00.000Z');
});

for (const [zone, at, date, hour] of [
  ['UTC', '2030-12-31T23:59:59.999Z', '2030-12-31', '2030/12/31/23'],
  ['UTC', '2031-01-01T00:00:00.000Z', '2031-01-01', '2031/01/01/00'],
  ['Asia/Kathmandu', '2030-12-31T18:14:59Z', '2030-12-31', '2030/12/31/23'],
  ['Asia/Kathmandu', '2030-12-31T18:15:00Z', '2031-01-01', '2031/01/01/00'],
  ['America/Los_Angeles', '2030-01-01T07:59:59Z', '2029-12-31', '2029/12/31/23'],
  // One hour that comes twice, and one that never comes.
  ['Europe/Berlin', '2026-10-25T00:30:00Z', '2026-10-25', '2026/10/25/02'],
  ['Europe/Berlin', '2026-10-25T01:30:00Z', '2026-10-25', '2026/10/25/02'],
  ['Europe/Berlin', '2026-03-29T01:00:00Z', '2026-03-29', '2026/03/29/03'],
] as const) {
  test(`${at} in ${zone} belongs to ${hour}`, () => {
    assert.deepEqual(partitionOf(Date.parse(at), zone), { date: `ingest_date=${date}`, hour });
  });
}
