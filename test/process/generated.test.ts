/**
 * Random csv against a small model: each record of the input is in exactly one output, as its bytes, in its order.
 * `SEED=N` runs one case again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Emit, runChain, type TestedChain } from '../../src/process/index.js';
import { chance } from '../world/chance.js';

const CASES = 150;
const FIELDS = [
  '',
  'a',
  'b',
  'a b',
  '1',
  '"q"',
  'x,y',
  'l\nf',
  'c\r\nf',
  '\u00fc',
  '\u{1f600}',
  '"',
  ',',
  '\r',
  'z'.repeat(50),
];
/** A record with another number of fields that has lines in it would hold the file. */
const OF_ONE_LINE = FIELDS.filter((field) => !/[\r\n]/.test(field));
const BIG = 'w'.repeat(300_000);

interface Case {
  input: string;
  /** The records as they stand in the input, by the output that must have them. */
  expected: Map<string, string>;
  records: number;
}

function made(seed: number): Case {
  const random = chance(seed);
  const columns = 2 + random(4);
  const ends = [['\n'], ['\r\n'], ['\n', '\r\n']][random(3)]!;
  const end = () => ends[random(ends.length)]!;
  const written = (field: string) =>
    /[",\r\n]/.test(field) || random(3) === 0 ? `"${field.replaceAll('"', '""')}"` : field;
  const header = `k${Array.from({ length: columns - 1 }, (_, at) => `,c${at}`).join('')}${end()}`;
  const expected = new Map<string, string>();
  const records = random(200);
  let input = header;
  for (let at = 0; at < records; at++) {
    const isShort = random(10) === 0;
    const known = isShort ? OF_ONE_LINE : FIELDS;
    const fields = Array.from({ length: isShort ? columns - 1 : columns }, () => known[random(known.length)]!);
    if (random(40) === 0) fields[fields.length - 1] = BIG;
    if (fields.length === 1 && fields[0] === '') fields[0] = 'a';
    const isLast = at === records - 1 && random(2) === 0;
    const record = fields.map(written).join(',') + (isLast ? '' : end());
    input += record;
    const tag = isShort || fields[0]!.length > 120 ? 'reject' : fields[0]!;
    expected.set(tag, (expected.get(tag) ?? header) + record);
  }
  return { input, expected, records };
}

const BUILT_IN: TestedChain = {
  format: 'csv',
  start: 'check',
  steps: { check: { next: 'split', else: 'reject' }, split: { by: 'k', else: 'reject' } },
};
const MODULE: TestedChain = {
  format: 'csv',
  start: 'check',
  steps: { check: { next: 'route', else: 'reject' } },
  module: () => ({
    route: (record: { k: string }, emit: Emit) => emit(record.k.length > 120 ? 'reject' : record.k, record),
  }),
};

const seeds = process.env.SEED
  ? [Number(process.env.SEED)]
  : Array.from({ length: CASES }, (_, at) => Date.now() * 1_000 + at);
test(`${seeds.length} random files: every record in its output, as its bytes`, async () => {
  for (const seed of seeds) {
    const { input, expected, records } = made(seed);
    for (const [name, chain] of Object.entries({ BUILT_IN, MODULE })) {
      const result = await runChain(chain, input);
      const where = `SEED=${seed} ${name}`;
      assert.equal(result.held, undefined, where);
      assert.equal(result.records, records, where);
      assert.deepEqual(result.outputs, Object.fromEntries(expected), where);
    }
  }
});
