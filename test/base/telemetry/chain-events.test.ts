/** What is said of the stage `process`: one safe line each, whatever is in a file or was printed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Fields } from '../../../src/base/telemetry/emit.js';
import { levelOf, messageOf, sentenceOf } from '../../../src/base/telemetry/events.js';

const SAID: [event: string, level: string, fields: Fields, sentence: string][] = [
  [
    'file_processed',
    'info',
    { path: 'in/a.csv', rows: 1_000, rejected: 3, outputs: 4 },
    'in/a.csv was processed: 1000 records, 3 of them rejected; 4 outputs',
  ],
  [
    'file_processed',
    'info',
    { path: 'a.csv', rows: 1, rejected: 0, outputs: 0 },
    'a.csv was processed: 1 record; 0 outputs',
  ],
  [
    'file_processed',
    'info',
    { path: 'a.csv', rows: 2, rejected: 1, first_rejected: 'a.csv, line 3: a is not a number: \u001b[2J', outputs: 1 },
    'a.csv was processed: 2 records, 1 of them rejected (the first: a.csv, line 3: a is not a number: \\u001b[2J); 1 output',
  ],
  [
    'header_changed',
    'warn',
    { feed: 'orders', path: 'a.csv', before: 'id,amount', header: 'id,\u001b[2Jamount' },
    'the header of a.csv differs from the header of the files of orders before it: id,amount → id,\\u001b[2Jamount',
  ],
  [
    'process_printed',
    'info',
    { feed: 'orders', job: 'J', text: 'one\n\u202etwo' },
    'the chain of orders printed at job J: one\\u000a\\u202etwo',
  ],
  [
    'gate_closed',
    'error',
    { feed: 'orders', stage: 'process', place: 'process', code: 'unloadable', reason: 'the module /o.mjs is missing' },
    'process of orders is closed (unloadable): the module /o.mjs is missing; no file is held for it. Correct the module: it is tried again every few seconds. A chain that is wrong, in the configuration or in its own file, is read again at a restart',
  ],
  [
    'gate_opened',
    'info',
    { feed: 'orders', place: 'process', code: 'unloadable', closed_seconds: 5 },
    'the chain of orders can be used again, after 5.0s (unloadable)',
  ],
  [
    'file_ingested',
    'info',
    { path: 'a.csv', warehouse_path: '/w/a.csv', bytes: 10, outputs: 1 },
    'a.csv → /w/a.csv (10 B, 1 output)',
  ],
];

test('each event of a chain has its level and one sentence, in which nothing acts on a terminal', () => {
  for (const [event, level, fields, sentence] of SAID) {
    assert.equal(sentenceOf(event, fields), sentence);
    assert.equal(levelOf(event), level, event);
  }
});

test('the message of a line does not repeat what the fields beside it say', () => {
  assert.equal(messageOf('process_printed', { feed: 'f', text: 'x'.repeat(65_536) }), 'printed by the chain');
  assert.equal(messageOf('file_processed', { path: 'a.csv', rows: 1, rejected: 0, outputs: 1 }), 'processed');
});
