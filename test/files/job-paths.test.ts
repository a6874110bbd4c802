/**
 * The paths of a job as functions of its row, and the way back from a name. Random tests print their seed; SEED repeats
 * it.
 */
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { nthName, type Part, parseWorkName, partitionOf, workName } from '../../src/files/job-paths.js';
import { type ByteName, bytesOfName, nameOfBytes, nameOfText } from '../../src/linux/names.js';

const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const RUNS = { seed: SEED, numRuns: 2_000 };
const ID = '01JDQ4Z0V8N3T5R7W9Y1B2C3D4';
const PARTS: Part[] = ['file', 'sidecar', 'partial', 'copy'];

/** The bytes of one component: anything but NUL and slash, with more encoded-looking bytes than chance would give. */
const anyByte = fc.integer({ min: 1, max: 255 }).filter((byte) => byte !== 0x2f);
const piece = fc.oneof(
  { weight: 5, arbitrary: anyByte.map((byte) => [byte]) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('%', '%25', '%2F', '%2f', '~', '.ok', '\n').map((text) => [...Buffer.from(text)]),
  },
);
const component = fc
  .array(piece, { minLength: 1, maxLength: 300 })
  .map((pieces) => nameOfBytes(Uint8Array.from(pieces.flat()).subarray(0, 255)));
const path = fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/') as ByteName);

test('a work name leads back to its job, its part and its path, whatever the bytes', (t) => {
  t.diagnostic(`SEED=${SEED}`);
  fc.assert(
    fc.property(path, fc.constantFrom(...PARTS), (path, part) => {
      const name = workName(ID, part, path)!;
      const [first, ...rest] = name.split('/');
      assert(first!.length <= 255, `${first!.length} bytes in one component`);
      const parsed = parseWorkName(first as ByteName);
      const raw = rest.length > 0 ? rest.join('/') : undefined;
      assert.deepEqual({ ...parsed, path: parsed?.path ?? raw }, { jobId: ID, part, path });
    }),
    RUNS,
  );
});

test('a name is encoded up to 255 bytes, lies raw in a folder beyond them, and is refused where no path can hold it', () => {
  const long = (bytes: number) => 'x'.repeat(bytes) as ByteName;
  const prefix = ID.length + 1;
  assert.equal(workName(ID, 'file', long(255 - prefix)), `${ID}~${long(255 - prefix)}`);
  assert.equal(workName(ID, 'file', long(256 - prefix)), `${ID}~/${long(256 - prefix)}`);
  assert.equal(workName(ID, 'file', long(255)), `${ID}~/${long(255)}`);
  assert.equal(workName(ID, 'file', nameOfText('a/b%c')), `${ID}~a%2Fb%25c`);
  // It would be too long encoded, but not raw.
  const slashes = nameOfText(Array<string>(100).fill('a').join('/'));
  assert.equal(workName(ID, 'sidecar', slashes), `${ID}.ok~/${slashes}`);
  const deep = Array<string>(16).fill(long(255)).join('/') as ByteName;
  assert.equal(workName(ID, 'file', deep), undefined);
});

test('names that are not ours are read as nobody’s', () => {
  for (const name of [
    '',
    'x.csv',
    `${ID}`,
    `${ID.toLowerCase()}~a`,
    `x${ID}~a`,
    `${ID}.exe~a`,
    '.ingest-root',
    `${ID.slice(1)}~a`,
  ])
    assert.equal(parseWorkName(nameOfText(name)), undefined, name);
  assert.deepEqual(parseWorkName(nameOfText(`${ID}.copy~`)), { jobId: ID, part: 'copy', path: undefined });
});

test('the n-th names of a file differ, keep its suffix, fit into 255 bytes and stay UTF-8', (t) => {
  t.diagnostic(`SEED=${SEED}`);
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 250 });
  const suffix = fc.constantFrom('', '.csv', '.tar.gz', `.${'s'.repeat(63)}`, `.${'s'.repeat(64)}`);
  fc.assert(
    fc.property(text, suffix, fc.integer({ min: 2, max: 100_000 }), (stem, suffix, n) => {
      const name = nameOfText(`${stem.replaceAll('/', '_')}${suffix}`);
      fc.pre(name.length <= 255 && name !== '.' && name !== '..');
      const [nth, next] = [nthName(name, n), nthName(name, n + 1)];
      assert(nth.length <= 255 && next.length <= 255);
      assert.equal(new Set([name, nth, next]).size, 3);
      assert(isUtf8(bytesOfName(nth)), 'a character was cut');
      if (suffix !== '' && suffix.length <= 64) assert(nth.endsWith(suffix.slice(suffix.lastIndexOf('.'))));
    }),
    RUNS,
  );
  assert.equal(nthName(nameOfText('orders.csv'), 1), 'orders.csv');
  assert.equal(nthName(nameOfText('orders.csv'), 2), 'orders~2.csv');
  assert.equal(nthName(nameOfText('orders'), 3), 'orders~3');
  assert.equal(nthName(nameOfText('.orders'), 3), '.orders~3');
});

test('bytes that are no UTF-8 are numbered as they are', () => {
  const name = nameOfBytes(Uint8Array.from([0xff, 0x80, 0x80, ...Array<number>(252).fill(0x80)]));
  const nth = nthName(name, 12);
  assert(nth.length <= 255 && nth.endsWith('~12'));
});

test('partition and hour are those of the time zone, through its midnights and its changes of the clock', () => {
  const at = (iso: string, zone: string) => {
    const { date, hour } = partitionOf(Date.parse(iso), zone);
    assert(hour.startsWith(date.slice('ingest_date='.length).replaceAll('-', '/')), `${date} and ${hour} are one day`);
    return `${date} ${hour.slice(-2)}`;
  };
  assert.equal(at('2024-02-29T23:59:59.999Z', 'UTC'), 'ingest_date=2024-02-29 23');
  assert.equal(at('2024-03-01T00:00:00Z', 'UTC'), 'ingest_date=2024-03-01 00');
  assert.equal(at('2024-12-31T18:29:59Z', 'Asia/Kolkata'), 'ingest_date=2024-12-31 23');
  assert.equal(at('2024-12-31T18:30:00Z', 'Asia/Kolkata'), 'ingest_date=2025-01-01 00');
  assert.equal(at('2024-06-01T10:00:00Z', 'Pacific/Kiritimati'), 'ingest_date=2024-06-02 00');
  assert.equal(at('2024-06-01T09:59:00Z', 'Pacific/Pago_Pago'), 'ingest_date=2024-05-31 22');
  // The hour that comes twice, and the hour that is skipped.
  assert.equal(at('2024-11-03T05:30:00Z', 'America/New_York'), 'ingest_date=2024-11-03 01');
  assert.equal(at('2024-11-03T06:30:00Z', 'America/New_York'), 'ingest_date=2024-11-03 01');
  assert.equal(at('2024-03-10T06:59:00Z', 'America/New_York'), 'ingest_date=2024-03-10 01');
  assert.equal(at('2024-03-10T07:00:00Z', 'America/New_York'), 'ingest_date=2024-03-10 03');
});

test('every hour of a day has its own name, from 00 to 23', () => {
  const hours = Array.from({ length: 24 }, (_, n) => partitionOf(Date.UTC(2024, 0, 5, n, 59, 59), 'UTC').hour);
  assert.deepEqual(
    hours,
    Array.from({ length: 24 }, (_, n) => `2024/01/05/${String(n).padStart(2, '0')}`),
  );
});
