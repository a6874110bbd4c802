/** Blank lines, and zeros after gzip: as the usual readers take them (docs/processing.md). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { runChain, type TestedChain } from '../../src/process/index.js';

const chainOf = (format: 'csv' | 'jsonl'): TestedChain => ({
  format,
  start: 'check',
  steps: { check: { 'last-newline': false, next: 'all' } },
});

const CASES: [what: string, format: 'csv' | 'jsonl', input: string, output: string, records: number][] = [
  ['one at the end', 'csv', 'a,b\n1,2\n\n', 'a,b\n1,2\n', 1],
  ['many at the end', 'csv', 'a,b\n1,2\n\n\n\n', 'a,b\n1,2\n', 1],
  ['CRLF at the end', 'csv', 'a,b\r\n1,2\r\n\r\n', 'a,b\r\n1,2\r\n', 1],
  ['CRLF after LF', 'csv', 'a,b\n1,2\n\r\n', 'a,b\n1,2\n', 1],
  ['in the middle', 'csv', 'a,b\n1,2\n\n3,4', 'a,b\n1,2\n3,4', 2],
  ['after the header', 'csv', 'a,b\n\n1,2\n', 'a,b\n1,2\n', 1],
  ['before the header', 'csv', '\n\r\na,b\n1,2\n', 'a,b\n1,2\n', 1],
  ['inside quotes it is data', 'csv', 'a,b\n1,"x\n\ny"\n', 'a,b\n1,"x\n\ny"\n', 1],
  ['one column: an empty field', 'csv', 'a\n1\n\n2\n', 'a\n1\n\n2\n', 3],
  ['one column: an empty field at the end', 'csv', 'a\n1\n\n', 'a\n1\n\n', 2],
  ['one at the end', 'jsonl', '{"a":1}\n\n', '{"a":1}\n', 1],
  ['with blanks and CRLF', 'jsonl', '{"a":1}\r\n \t\r\n{"a":2}\n  ', '{"a":1}\r\n{"a":2}\n', 2],
  ['in the middle', 'jsonl', '\n{"a":1}\n\n\n{"a":2}', '{"a":1}\n{"a":2}', 2],
];

for (const [what, format, input, output, records] of CASES)
  test(`a blank line in ${format}: ${what}`, async () => {
    const result = await runChain(chainOf(format), input);
    assert.deepEqual([result.held, result.records, result.outputs.all], [undefined, records, output]);
  });

test('a file of blank lines alone has no record', async () => {
  for (const format of ['csv', 'jsonl'] as const) {
    const { held, records } = await runChain(chainOf(format), '\n\n\r\n');
    assert.deepEqual([held, records], [undefined, 0]);
  }
});

test('a line of blanks is a bad record of csv; a blank line is a record of lines', async () => {
  assert.equal((await runChain(chainOf('csv'), 'a,b\n1,2\n  \n')).held?.line, 3);
  const lines = await runChain(
    { format: 'lines', start: 'all', module: () => ({ all: (r, emit) => emit('out', r) }) },
    'a\n\n',
  );
  assert.deepEqual([lines.records, lines.outputs.out], [2, 'a\n\n']);
});

test('the line of a fault counts the blank lines before it', async () => {
  const { held } = await runChain(chainOf('csv'), '\na,b\n\n1,2\n\n3\n');
  assert.deepEqual([held?.code, held?.line, held?.byte], ['record_invalid', 6, 11]);
});

test('zeros after the last member of gzip are padding; zeros between members, or before other bytes, hold the file', async () => {
  const packed = gzipSync('a,b\n1,2\n');
  const two = Buffer.concat([packed, gzipSync('3,4\n')]);
  for (const count of [1, 7, 512, (1 << 18) - packed.length, 1 << 18, 1_000_000])
    for (const members of [packed, two]) {
      const { held, records } = await runChain(chainOf('csv'), Buffer.concat([members, Buffer.alloc(count)]));
      assert.deepEqual([held, records], [undefined, members === two ? 2 : 1], String(count));
    }
  for (const after of [gzipSync('3,4\n'), Buffer.from('x')]) {
    const { held } = await runChain(chainOf('csv'), Buffer.concat([packed, Buffer.alloc(512), after]));
    assert.equal(held?.code, 'gzip_damaged');
  }
});
