/** Every encoding, format and byte order mark, plain and packed: the mark of that encoding is left out, any other one holds the file. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { PROCESS_ENCODINGS, PROCESS_FORMATS } from '../../src/base/config/values/process.js';
import { runChain } from '../../src/process/index.js';

const BOMS = {
  none: '',
  'utf-8': 'efbbbf',
  'utf-16le': 'fffe',
  'utf-16be': 'feff',
  'utf-32le': 'fffe0000',
  'utf-32be': '0000feff',
};
const TEXTS = { csv: 'k,v\na,\u00fc\n', jsonl: '{"k":"\u00fc"}\n', lines: 'a \u00fc\n' };
const NODE_NAMES = { 'utf-8': 'utf8', latin1: 'latin1', 'utf-16le': 'utf16le' } as const;
const outAll = () => ({ all: (record: unknown, emit: (tag: string, record: unknown) => void) => emit('out', record) });

for (const encoding of PROCESS_ENCODINGS)
  for (const format of PROCESS_FORMATS)
    for (const [of, hex] of Object.entries(BOMS))
      test(`${format} in ${encoding}, with the mark of ${of}`, async () => {
        const text = TEXTS[format];
        const bytes = Buffer.concat([Buffer.from(hex, 'hex'), Buffer.from(text, NODE_NAMES[encoding])]);
        for (const input of [bytes, gzipSync(bytes)]) {
          const { held, outputs } = await runChain({ format, encoding, start: 'all', module: outAll }, input);
          if (of === 'none' || of === encoding) assert.deepEqual([held, outputs.out], [undefined, text]);
          else {
            assert.equal(held?.code, 'not_utf8');
            assert.match(
              held.reason,
              new RegExp(`its first bytes are ${hex.slice(0, 4)}.*but the feed expects ${encoding}`),
            );
          }
        }
      });

test('a file that is no more than its mark is empty; half a mark is no mark', async () => {
  const chain = { format: 'lines' as const, start: 'all', module: outAll };
  for (const [encoding, mark] of [
    ['utf-8', 'efbbbf'],
    ['utf-16le', 'fffe'],
  ] as const) {
    const { held, records } = await runChain({ ...chain, encoding }, Buffer.from(mark, 'hex'));
    assert.deepEqual([held, records], [undefined, 0]);
  }
  for (const encoding of ['utf-8', 'utf-16le'] as const)
    assert.equal((await runChain({ ...chain, encoding }, Buffer.from('ef', 'hex'))).held?.code, 'not_utf8');
});
