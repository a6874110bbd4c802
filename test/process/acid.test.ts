/** Csv files that parsers stumble over: each comes out with its count and its bytes, or is held with its sentence. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Emit, runChain, type TestedChain } from '../../src/process/index.js';

const SPLIT: TestedChain = { format: 'csv', start: 'split', steps: { split: { by: 'k' } } };
const CHECKED: TestedChain = { format: 'csv', start: 'check', steps: { check: { next: 'out', else: 'reject' } } };
const HOLDING: TestedChain = { format: 'csv', start: 'check', steps: { check: { next: 'out' } } };

const all = async (input: string | Buffer, chain = CHECKED) => {
  const { records, outputs, held } = await runChain(chain, input, 'a.csv');
  assert.equal(held, undefined);
  return { records, ...outputs };
};
const held = async (input: string | Buffer, chain = HOLDING) => {
  const result = await runChain(chain, input, 'a.csv');
  assert.ok(result.held, JSON.stringify(result).slice(0, 200));
  assert.deepEqual(result.outputs, {});
  return result.held;
};

const UNCHANGED: Record<string, [text: string, records: number]> = {
  'quotes, delimiters and newlines in fields': ['k,v\n"a ""b"", c","line\nline\r\nline"\nx,y\n', 2],
  CRLF: ['k,v\r\na,b\r\nc,"d"\r\n', 2],
  'LF and CRLF mixed': ['k,v\na,b\r\nc,"d"\r\n"e",f\n', 3],
  'an empty last field': ['k,v\na,\n,\n', 2],
  'an empty last field before the end of the file': ['k,v\na,', 1],
  'a last record without a line end': ['k,v\na,b\nc,d', 2],
  'a last record that ends with a quote': ['k,v\na,"b"', 1],
  'blanks around fields': ['k,v\n a , b \n', 1],
  'a carriage return at the end of a quoted field': ['k,v\na,"b\r"\r\nc,d\r\n', 2],
  'carriage returns in quotes': ['k,"v\r"\r\n"a\rb ""\r"" ,\r" ,5" x\r\n5" y,"\r"\n', 2],
  'one column, with an empty field': ['k\na\n""\nb\n', 3],
  'a header alone': ['k,v\n', 0],
  'a column called __proto__': ['k,__proto__\na,b\n', 1],
};
for (const [name, [text, records]] of Object.entries(UNCHANGED)) {
  test(`${name}: ${records} records, the same bytes`, async () => {
    const { reject, ...rest } = (await all(text)) as Record<string, unknown>;
    assert.deepEqual([rest, reject], [{ records, ...(records > 0 ? { out: text } : {}) }, undefined]);
  });
}

test('a BOM is no part of the first name; outputs have none', async () => {
  const steps = { check: { header: ['k', 'v'], next: 'out' } };
  assert.deepEqual(await all('\ufeffk,v\na,b\n', { ...HOLDING, steps }), { records: 1, out: 'k,v\na,b\n' });
});

test('a record with another number of fields is sent to else as its bytes, or holds the file', async () => {
  assert.deepEqual(await all('k,v\na,b\nc\nd,e,f\n'), {
    records: 3,
    out: 'k,v\na,b\n',
    reject: 'k,v\nc\nd,e,f\n',
  });
  const fault = await held('k,v\na,b\nd,e,f\n');
  assert.equal(fault.reason, 'a.csv, line 3: 3 fields, the header has 2');
  assert.deepEqual([fault.code, fault.line, fault.byte, fault.excerpt], ['record_invalid', 3, 8, 'd,e,f']);
});

test('lines are counted, not records, where fields have newlines', async () => {
  assert.equal((await held('k,v\n"a\nb\nc",d\ne\n')).line, 5);
});

test('a quote that is not closed is named with its line', async () => {
  assert.equal((await held('k,v\na,b\n"c,d\ne,f\n')).reason, 'a.csv, line 3: a quote is not closed');
  assert.equal((await held('k,v\na,"b" c\nd,e\n')).code, 'record_invalid');
});

test('a bad record of several lines holds the file, also with else: nobody knows how many records it hides', async () => {
  const rows = Array.from({ length: 1_000 }, (_, n) => `${n},x\n`).join('');
  for (const stray of ['"c,d\n', '"c"d,e\n'])
    assert.equal((await held(`k,v\na,b\n${stray}${rows}`, CHECKED)).line, 3, stray);
  const tooMany = ['1,"5 in\n2,6",x\n', '1,"5 in\r\n2,6",x', '1,"5 in\r2,6",x\r\n', '"1\n2"\n'];
  for (const record of tooMany) {
    const { line, reason } = await held(`k,v\na,b\n${record}`, CHECKED);
    assert.equal(line, 3, record);
    assert.match(reason, /^a\.csv, line 3: \d fields?, the header has 2$/);
  }
  const inLine = 'k,v\n"a" b",x\nc,d\n';
  assert.deepEqual(await all(inLine), { records: 2, out: 'k,v\nc,d\n', reject: 'k,v\n"a" b",x\n' });
});

test('lines that end with carriage returns alone hold the file', async () => {
  const lines: TestedChain = { format: 'lines', start: 'check', steps: { check: { next: 'out' } } };
  for (const text of ['a\rb\r', '\ufeffa\rb', 'a\rb\rc'])
    assert.match((await held(text, lines)).reason, /its lines end with carriage returns alone/, text);
  for (const text of ['a\rb\n', 'a\r', 'a']) assert.equal((await all(text, lines)).records, 1, text);
});

test('a carriage return outside quotes that no line feed follows holds the file, also with else', async () => {
  const reason = /: a carriage return outside quotes has no line feed after it; .* LF or CRLF/;
  const cases: [input: string, line: number][] = [
    ['k,v\ra,b\rc,d\r', 1],
    ['k,v\r', 1],
    ['k,v\na,b\rc,d\r', 2],
    ['k,v\r\na,b\r\nc,d\r', 3],
    ['k,v\r\na,b\r\n"c","d"\r', 3],
    ['k,v\r\na,b\r\n\r', 3],
    ['k,v\na,b\n5" c,"d"\r\r\n', 3],
    ['k,v\na,b\n"c"\r,d\n', 3],
    ['k,v\na,b\nc\rd,e\n', 3],
    ['k\na\n\r', 3],
    [`k,v\r\n${'a,b\r\n'.repeat(200_000)}c,d\r`, 200_002],
  ];
  for (const [input, line] of cases)
    for (const chain of [CHECKED, SPLIT]) {
      const fault = await held(input, chain);
      assert.deepEqual([fault.code, fault.line], ['record_invalid', line], input.slice(-20));
      assert.match(fault.reason, reason);
    }
  const big = `k,v\n"${'x\r'.repeat(9 << 20)}",b\n`;
  assert.equal((await runChain({ ...CHECKED, 'record-bytes-max': 1 << 25 }, big)).rejected, 0);
});

test('a field of 10 MB, over many reads', async () => {
  const text = `k,v\na,"${'x,""\n'.repeat(2_000_000)}"\nb,c\n`;
  const { records, out } = (await all(text)) as unknown as { records: number; out: string };
  assert.equal(records, 2);
  assert.ok(out === text);
});

test('a record beyond record-bytes-max is held with line and byte, whether it ends or not', async () => {
  const chain = { ...HOLDING, 'record-bytes-max': 1_000 };
  for (const end of ['"\n', '']) {
    const fault = await held(`k,v\na,b\nc,"${'x'.repeat(end ? 2_000 : 2_000_000)}${end}`, chain);
    assert.deepEqual([fault.code, fault.line, fault.byte], ['record_too_large', 3, 8]);
  }
});

test('100,000 columns', async () => {
  const names = Array.from({ length: 100_000 }, (_, at) => `c${at}`).join(',');
  const text = `${names}\n${names}\n`;
  assert.ok(((await all(text)) as { out?: string }).out === text);
  const module = () => ({ step: (record: object, emit: (tag: string, record: object) => void) => emit('out', record) });
  assert.ok((await runChain({ format: 'csv', start: 'step', module }, text)).outputs.out === text);
});

test('two columns of one name are held', async () => {
  assert.match((await held('k,k\na,b\n')).reason, /^a\.csv, line 1: the header has two columns "k"/);
});

test('an empty file has no records, and no header', async () => {
  assert.deepEqual(await all(''), { records: 0 });
  const steps = { check: { header: ['k'], next: 'out' } };
  assert.equal((await held('', { ...HOLDING, steps })).code, 'header_differs');
});

test('a NUL is held with its line and byte', async () => {
  const fault = await held(Buffer.from('k,v\na,b\nc,\0\n'));
  assert.deepEqual([fault.code, fault.line, fault.byte], ['nul_byte', 3, 10]);
});

test('invalid UTF-8 is held with its place; as latin1 it goes through as its bytes', async () => {
  const bytes = Buffer.from('k,v\na,b\nc,m\u00fcller\n', 'latin1');
  const fault = await held(bytes);
  assert.deepEqual([fault.code, fault.line, fault.byte], ['not_utf8', 3, 11]);
  assert.match(fault.reason, /byte 11 \(0xfc\) is no UTF-8; send it as UTF-8, or set encoding: latin1/);
  assert.equal((await runChain({ ...HOLDING, encoding: 'latin1' }, bytes)).held, undefined);
});

// The bytes of U+FFFD, which stands for what cannot be decoded, begin with these.
for (const odd of [[0xef], [0xef, 0xbf], [0xef, 0xbf, 0x41], [0xef, 0x0a], [0xed, 0xa0, 0x80], [0xbf], [0xc0, 0x80]]) {
  test(`the bytes ${Buffer.from(odd).toString('hex')} are named by where they begin`, async () => {
    const fault = await held(Buffer.from([...Buffer.from('k,\u{fffd}\na,b\n'), ...odd]));
    assert.deepEqual([fault.code, fault.line, fault.byte], ['not_utf8', 3, 10]);
    assert.match(fault.reason, new RegExp(`byte 10 \\(0x${odd[0]!.toString(16)}\\)`));
  });
}

test('a character that two reads share is none that is invalid', async () => {
  for (let pad = 0; pad < 4; pad++) {
    const text = `k,v\n${'x'.repeat(262_144 - 4 - pad)},\u{1f600}\u00fc\n`;
    assert.ok(((await all(text)) as { out?: string }).out === text);
  }
  assert.equal((await held(Buffer.from([...Buffer.from('k\na'), 0xc3]))).code, 'not_utf8');
});

test('names and values of any language name outputs', async () => {
  const { outputs } = await runChain(SPLIT, 'k,v\nÖl,1\n,2\n\u65e5,3\n');
  assert.deepEqual(Object.keys(outputs), ['Öl', '', '\u65e5']);
});

test('other delimiters and quotes, and none', async () => {
  assert.deepEqual(await all("k;v\n'a;b';c\n", { ...HOLDING, delimiter: ';', quote: "'" }), {
    records: 1,
    out: "k;v\n'a;b';c\n",
  });
  assert.deepEqual(await all('k\tv\n"a\tb"\n', { ...HOLDING, delimiter: '\t', quote: '' }), {
    records: 1,
    out: 'k\tv\n"a\tb"\n',
  });
});

test('a carriage return at the end of a quoted last field is part of it, whatever the quote and what follows it', async () => {
  const values = async (input: string, more: object = {}) => {
    const seen: unknown[] = [];
    const module = () => ({ see: (record: object) => void seen.push(...Object.values(record)) });
    await all(input, { format: 'csv', start: 'see', module, ...more });
    return seen;
  };
  for (const quote of ['"', "'"]) {
    const lines = ['^e\r^', '^e\r^ ', '^\r^', '^\r^^\r^', 'e', '', '^^', `${quote === '"' ? "'" : '"'}e`];
    const input = `k,v\r\n${lines.map((line) => `k,${line}\r\n`).join('')}`.replaceAll('^', quote);
    const wanted = ['e\r', 'e\r', '\r', `\r${quote}\r`, 'e', '', '', lines.at(-1)];
    assert.deepEqual(
      await values(input, { quote }),
      wanted.flatMap((value) => ['k', value]),
    );
    assert.deepEqual(await values(`k\r\n^e\r^\r\n\r\n`.replaceAll('^', quote), { quote }), ['e\r', '']);
    const blanks = `k v\r\n^e\r^ \r\n`.replaceAll('^', quote);
    assert.deepEqual(await values(blanks, { quote, delimiter: ' ' }), ['e\r', '']);
  }
});

test('a quote in a field that is written is doubled, whatever the quote', async () => {
  for (const quote of ['"', "'", '$', '\\', '^']) {
    const value = `a${quote}\n`;
    const module = () => ({ step: (_: object, emit: Emit) => emit('out', { k: value }) });
    const chain: TestedChain = { format: 'csv', quote, start: 'step', module };
    const out = `k\n${quote}a${quote}${quote}\n${quote}\n`;
    assert.deepEqual(await all('k\n1\n', chain), { records: 1, out });
  }
});

test('a file without a header row has the names of the chain', async () => {
  assert.deepEqual(await all('a,b\nc,d\n', { ...SPLIT, header: ['k', 'v'] }), { records: 2, a: 'a,b\n', c: 'c,d\n' });
});
