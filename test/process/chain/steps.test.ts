/** The built-in steps: what passes, what is a bad record, and what holds a file. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameOfTag } from '../../../src/process/chain/outputs.js';
import { runChain, type TestedChain } from '../../../src/process/index.js';

const chain = (check: object, more: object = {}): TestedChain => ({
  format: 'csv',
  start: 'check',
  steps: { check: { next: 'out', ...check } },
  ...more,
});
const reasonOf = async (tested: TestedChain, input: string) => {
  const { held } = await runChain(tested, input, 'a.csv');
  return held && `${held.code}: ${held.reason}`;
};

const TYPES: Record<string, { good: string[]; bad: string[] }> = {
  number: { good: ['1', '-1.5', '+.5', '1e9', '1.', ''], bad: ['x', '1,5', ' 1', '1e999', '0x10', 'NaN', '--1'] },
  integer: { good: ['0', '-7', '+7', '9007199254740991'], bad: ['1.0', '9007199254740993', 'x'] },
  boolean: { good: ['true', 'false'], bad: ['True', '1', 'yes'] },
  date: {
    good: ['2024-02-29', '2000-02-29', '1999-12-31'],
    bad: ['2023-02-29', '1900-02-29', '2024-13-01', '2024-1-1', '2024-00-10'],
  },
  timestamp: {
    good: ['2024-02-29T23:59:59Z', '2024-01-01 00:00', '2024-01-01T00:00:00.123+02:00'],
    bad: ['2024-02-30T00:00Z', '2024-01-01T24:00Z', '2024-01-01'],
  },
  text: { good: ['anything', ''], bad: [] },
};
for (const [type, { good, bad }] of Object.entries(TYPES)) {
  test(`a column of type ${type}`, async () => {
    const quoted = (values: string[]) => values.map((value) => `"${value}",x\n`).join('');
    const input = `v,w\n${quoted(good)}${quoted(bad)}`;
    const { outputs } = await runChain(chain({ columns: { v: type }, else: 'reject' }), input);
    assert.equal(outputs.out, `v,w\n${quoted(good)}`);
    assert.equal(outputs.reject, bad.length === 0 ? undefined : `v,w\n${quoted(bad)}`);
  });
}

test('types of jsonl are those of JSON; the pattern is asked of its text', async () => {
  const columns = { n: 'number', t: { pattern: 'ü+', required: true } };
  const input = '{"n":1,"t":"ü"}\n{"n":"1","t":"ü"}\n{"t":"üü"}\n{"n":1}\n[]\nx\n\n';
  const { outputs, rejected } = await runChain(chain({ columns, else: 'reject' }, { format: 'jsonl' }), input);
  assert.equal(outputs.out, '{"n":1,"t":"ü"}\n{"t":"üü"}\n');
  assert.equal(rejected, 4, 'the blank line at the end is no record');
});

test('a pattern is matched as a whole, in characters', async () => {
  const { outputs } = await runChain(
    chain({ columns: { v: { pattern: 'a.|b' } }, else: 'reject' }),
    'v\naü\nb\nab\nbb\nax-\n',
  );
  assert.deepEqual(outputs, { out: 'v\naü\nb\nab\n', reject: 'v\nbb\nax-\n' });
});

test('the header: what differs first is named', async () => {
  const header = ['a', 'b'];
  assert.equal(await reasonOf(chain({ header }), 'a,b\n1,2\n'), undefined);
  assert.equal(
    await reasonOf(chain({ header }), 'a,c\n'),
    'header_differs: a.csv: column 2 of the header must be "b", but is "c"',
  );
  assert.equal(
    await reasonOf(chain({ header }), 'a\n'),
    'header_differs: a.csv: column 2 of the header must be "b", but is missing',
  );
  assert.match((await reasonOf(chain({ header }), 'a,b,c\n'))!, /has 3 columns, but must have 2; "c" is more$/);
  assert.match((await reasonOf(chain({ contains: ['z'] }), 'a,b\n'))!, /has no column "z"$/);
  assert.match((await reasonOf(chain({ columns: { z: 'text' } }), 'a,b\n'))!, /has no column "z"$/);
});

test('the header comes to each step that records reach without the module, also where none reaches it', async () => {
  const first = { use: 'check', columns: { a: 'number' }, next: 'second', else: 'third' };
  const chained = (steps: object): TestedChain => ({
    format: 'csv',
    start: 'first',
    steps: { first, second: { use: 'check', next: 'out' }, third: { use: 'check', next: 'reject' }, ...steps },
  });
  const columns = { z: 'text' };
  for (const input of ['a\n', 'a\nx\n', 'a\n1\n']) {
    assert.equal(await reasonOf(chained({}), input), undefined);
    for (const name of ['second', 'third'])
      assert.match(
        (await reasonOf(chained({ [name]: { use: 'check', columns, next: 'out' } }), input))!,
        /has no column "z"$/,
      );
    assert.match((await reasonOf(chained({ second: { use: 'split', by: 'z' } }), input))!, /"z", which split needs$/);
  }
  const module = () => ({ second: () => {} });
  const { held } = await runChain(
    { ...chained({}), steps: { first, third: { use: 'check', next: 'reject' } }, module },
    'a\n',
  );
  assert.equal(held, undefined);
});

test('the number of records is bounded on both sides', async () => {
  const tested = chain({ rows: { min: 2, max: 3 } });
  assert.equal(await reasonOf(tested, 'a\n1\n2\n'), undefined);
  assert.match((await reasonOf(tested, 'a\n1\n'))!, /^rows_out_of_bounds: a\.csv: 1 records came .* rows\.min is 2$/);
  assert.match((await reasonOf(tested, 'a\n1\n2\n3\n4\n'))!, /^rows_out_of_bounds: a\.csv, line 5: .* rows\.max is 3$/);
});

test('lastNewline holds a file that may be cut', async () => {
  assert.equal(await reasonOf(chain({ 'last-newline': true }), 'a\n1\n'), undefined);
  const cut = 'record_invalid: a.csv: the header has no line end, so the file may be cut';
  assert.equal(await reasonOf(chain({ 'last-newline': true }), 'id,na'), cut);
  assert.equal(await reasonOf(chain({ 'last-newline': true }, { header: ['a'] }), ''), undefined);
  const jsonl = chain({ 'last-newline': true }, { format: 'jsonl' });
  assert.match((await reasonOf(jsonl, '1\r\n2\r'))!, /^record_invalid: a\.csv, line 2: .*no line end/);
  assert.match(
    (await reasonOf(chain({ 'last-newline': true }), 'a\n1'))!,
    /^record_invalid: a\.csv, line 2: .*no line end/,
  );
});

test('lastNewline sees the last record of the file also where a module changed it', async () => {
  const module = () => ({
    change: (row: { a: string }, emit: (tag: string, row: object) => void) => emit('check', { a: `x${row.a}` }),
  });
  const tested = { ...chain({ 'last-newline': true }), start: 'change', module };
  assert.match((await reasonOf(tested, 'a\n1\n2'))!, /^record_invalid: a\.csv: the last record has no line end/);
  assert.equal(await reasonOf(tested, 'a\n1\n2\n'), undefined);
  assert.equal(await reasonOf(chain({ 'last-newline': true }, { format: 'jsonl' }), '\ufeff'), undefined);
});

test('a value that is nested too deep to be shown is a bad record', async () => {
  const deep = `{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}\n`;
  const tested = chain({ columns: { a: 'number' }, else: 'reject' }, { format: 'jsonl' });
  assert.deepEqual(await runChain(tested, `${deep}{"a":1}\n`), {
    records: 2,
    rejected: 1,
    outputs: { reject: deep, out: '{"a":1}\n' },
  });
});

test('latin1: a bad value and its record are shown in their characters', async () => {
  const tested = chain({ columns: { b: 'number' } }, { encoding: 'latin1' });
  const { held } = await runChain(tested, Buffer.from('a,b\n1,Köln\n', 'latin1'), 'a.csv');
  assert.match(held!.reason, /b is not a number: Köln/);
  assert.equal(held!.excerpt, '1,Köln');
});

test('lines that are formatted end as the first line of their file', async () => {
  const module = () => ({
    change: (row: { a: string }, emit: (tag: string, row: object) => void) => emit('out', { ...row, b: 'x' }),
  });
  const tested = { ...chain({}), start: 'change', module };
  assert.deepEqual((await runChain(tested, 'a\r\n1\r\n')).outputs, { out: 'a,b\r\n1,x\r\n' });
  assert.deepEqual((await runChain(tested, 'a\n1\n')).outputs, { out: 'a,b\n1,x\n' });
});

test('where readers get outputs instead of the file, records must not end in a check', async () => {
  const lost = { columns: { a: 'number' }, next: undefined, else: 'suspect' };
  await assert.rejects(
    runChain(chain(lost), 'a\n1\n'),
    /steps\.check\.next in .* must be given: readers of this chain/,
  );
  assert.equal((await runChain(chain({ ...lost, else: 'reject' }), 'a\n1\nx\n')).rejected, 1);
  await assert.rejects(runChain(chain({ rows: { min: 5, max: 2 } }), 'a\n'), /rows\.max in .* at least min \(5\)/);
});

test('jsonl: a line that is no JSON and has carriage returns in it may hide records: it holds the file', async () => {
  const jsonl = chain({ else: 'reject' }, { format: 'jsonl' });
  assert.match((await reasonOf(jsonl, '1\n2\r3\r'))!, /^record_invalid: a\.csv, line 2: it is no JSON/);
  const { outputs } = await runChain(jsonl, '[1,\r2]\nx\r\ny\r');
  assert.deepEqual(outputs, { out: '[1,\r2]\n', reject: 'x\r\ny\r' });
});

test('a check without next writes nothing', async () => {
  assert.deepEqual(await runChain(chain({ next: undefined }), 'a\n1\n'), { records: 1, rejected: 0, outputs: {} });
});

test('rejected records beyond the bound hold the file, with the first of them', async () => {
  const input = `a\n${'1\n'.repeat(98)}x\ny\n`;
  const tested = (max: unknown) => chain({ columns: { a: 'number' }, else: 'reject' }, { reject: { max } });
  assert.equal((await runChain(tested('2%'), input)).rejected, 2);
  assert.equal((await runChain(tested(2), input)).rejected, 2);
  const expected =
    /^rejects_too_many: a\.csv: 2 of 100 records are rejected, and reject\.max is 1(\.5%)?; the first: a\.csv, line 100: a is not a number: x$/;
  assert.match((await reasonOf(tested('1.5%'), input))!, expected);
  assert.match((await reasonOf(tested(1), input))!, expected);
});

test('split: more outputs than the bound are held with the tag', async () => {
  const split = { format: 'csv' as const, start: 'split', steps: { split: { by: 'a' } }, 'outputs-max': 2 };
  assert.equal(
    await reasonOf(split, 'a\n1\n2\n1\n3\n'),
    'too_many_outputs: a.csv, line 5: "3" would be output 3; outputs-max is 2',
  );
});

test('split: a value never names a step or an output of the chain', async () => {
  const steps = { split: { by: 'a', else: 'reject' } };
  const { outputs } = await runChain({ format: 'csv', start: 'split', steps }, 'a\nreject\nsplit\nx\n');
  assert.deepEqual(outputs, { reject: 'a\nreject\nsplit\n', x: 'a\nx\n' });
});

test('split: a value never comes among the rejected records by its name', async () => {
  const split = { format: 'csv' as const, start: 'split', steps: { split: { by: 'a' } } };
  assert.match(
    (await reasonOf(split, 'a\nx\nreject\n'))!,
    /line 3: a is "reject", which is a step or an output of the chain/,
  );
});

test('a share of rejected records that is kept exactly holds nothing', async () => {
  for (const percent of [29, 57, 58]) {
    const rows = Array.from({ length: 100 }, (_, n) => (n < percent ? 'x' : n)).join('\n');
    const tested = (max: number) =>
      chain({ columns: { v: 'integer' }, else: 'reject' }, { reject: { max: `${max}%` } });
    assert.equal(await reasonOf(tested(percent), `v\n${rows}\n`), undefined);
    assert.match((await reasonOf(tested(percent - 1), `v\n${rows}\n`))!, /^rejects_too_many: /);
  }
});

test('split of jsonl is by the text of the value', async () => {
  const input = '{"a":1}\n{"a":"1"}\n{"a":null}\n{"a":true}\n';
  const { outputs } = await runChain({ format: 'jsonl', start: 'split', steps: { split: { by: 'a' } } }, input);
  assert.deepEqual(outputs, { '1': '{"a":1}\n{"a":"1"}\n', '': '{"a":null}\n', true: '{"a":true}\n' });
});

test('split of jsonl: a number whose digits a number cannot hold names no output', async () => {
  const big = '{"a":9007199254740992}\n{"a":9007199254740993}\n{"a":-1234567890123456789}\n{"a":1e400}\n';
  const exact = '{"a":9007199254740991}\n';
  const by = (more: object): TestedChain => ({
    format: 'jsonl',
    start: 'split',
    steps: { split: { by: 'a', ...more } },
  });
  const { outputs } = await runChain(by({ else: 'reject' }), `${big}${exact}{"a":1.5}\n`);
  assert.deepEqual(outputs, { reject: big, '9007199254740991': exact, '1.5': '{"a":1.5}\n' });
  assert.equal(
    await reasonOf(by({}), big),
    'record_invalid: a.csv, line 1: a is a number beyond 2^53 - 1, so its digits are not exact; send it as text',
  );
});

test('split of jsonl: half of a character names no output, because two halves would have one name', async () => {
  const input = '{"a":"\\ud800"}\n{"a":"\\udbff"}\n';
  const by = (more: object): TestedChain => ({
    format: 'jsonl',
    start: 'split',
    steps: { split: { by: 'a', ...more } },
  });
  assert.deepEqual((await runChain(by({ else: 'reject' }), input)).outputs, { reject: input });
  assert.equal(
    await reasonOf(by({}), input),
    'record_invalid: a.csv, line 1: a has half of a character (a lone surrogate)',
  );
});

test('different tags have different names, of the signs that every filesystem takes', () => {
  const tags = ['', '_empty', '%5Fempty', 'a', 'A', '-', 'a/b', '../x', 'ä', 'a.b', 'a%2Fb', '\0', ' '];
  const names = tags.map((tag) => nameOfTag(tag)!);
  assert.equal(new Set(names).size, tags.length);
  for (const name of names) assert.match(name, /^[A-Za-z0-9_%-]+$/);
  assert.equal(nameOfTag('DE-1_x'), 'DE-1_x');
  assert.equal(nameOfTag('ä'.repeat(30)), undefined);
});

test('the outputs of a file are bounded in bytes', async () => {
  const tested = chain({}, { 'output-bytes-max': 100 });
  assert.equal(await reasonOf(tested, `a\n${'1\n'.repeat(20)}`), undefined);
  assert.match((await reasonOf(tested, `a\n${'1\n'.repeat(100)}`))!, /^outputs_too_large: /);
});
