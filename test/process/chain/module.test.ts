/** Steps of a user's module: order, promises, batches, the written bytes, and errors that are the fault of the module. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Emit, type ModuleSteps, runChain, type StepsOf, type TestedChain } from '../../../src/process/index.js';

type Row = Record<string, unknown>;
/** A promise that steps of a module await. The tests check the order only, and no times. */
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const csv = (module: StepsOf, more: object = {}): TestedChain => ({ format: 'csv', start: 'step', module, ...more });
const CHECKED = { start: 'check', steps: { check: { columns: { n: 'number' }, next: 'step' } } };
const INPUT = 'k,n\na,1.50\n"b",2.0\na,\n';

test('an unchanged record is written with its own bytes, a changed one with its new values', async () => {
  const same = () => ({ step: (record: Row, emit: Emit) => emit('out', record) });
  assert.equal((await runChain(csv(same, CHECKED), INPUT)).outputs.out, INPUT);
  const copied = () => ({ step: (record: Row, emit: Emit) => emit('out', { ...record }) });
  assert.equal((await runChain(csv(copied, CHECKED), INPUT)).outputs.out, INPUT);
  const changed = () => ({ step: (record: Row, emit: Emit) => emit('out', { ...record, k: 'x,"y"' }) });
  assert.equal(
    (await runChain(csv(changed, CHECKED), INPUT)).outputs.out,
    'k,n\n"x,""y""",1.50\n"x,""y""",2.0\n"x,""y""",\n',
  );
});

test('a record that lost or got a column keeps the text of the others', async () => {
  const steps = { check: { columns: { n: 'number', m: 'number' }, next: 'step' } };
  const chain = (step: (record: Row, emit: Emit) => void) => csv(() => ({ step }), { start: 'check', steps });
  const input = 'k,n,m\n"a",1.50,12345678901234567.89\n';
  const more = (record: Row, emit: Emit) => {
    record.eur = 'x';
    emit('out', record);
  };
  assert.equal((await runChain(chain(more), input)).outputs.out, 'k,n,m,eur\na,1.50,12345678901234567.89,x\n');
  const fewer = ({ n, m }: Row, emit: Emit) => emit('out', { m, n });
  assert.equal((await runChain(chain(fewer), input)).outputs.out, 'm,n\n12345678901234567.89,1.50\n');
});

test('columns whose names are integers keep the order of the file', async () => {
  const same = (record: Row, emit: Emit) => emit('out', record);
  const copied = (record: Row, emit: Emit) => emit('out', { ...record });
  const more = (record: Row, emit: Emit) => emit('out', { ...record, 2025: '3', sum: '6' });
  const names = ['id', '2024', '2023'];
  const steps: [string, ModuleSteps, string][] = [
    ['step', { step: same }, '"a",1,2\n'],
    ['step', { step: copied }, '"a",1,2\n'],
    ['step', { step: more }, 'a,1,2,3,6\n'],
    ['batch', { batch: (records: unknown[], emit: Emit) => copied(records[0] as Row, emit) }, 'a,1,2\n'],
  ];
  for (const [start, made, output] of steps) {
    const chain = csv(() => made, { start });
    assert.equal((await runChain({ ...chain, header: names }, '"a",1,2\n')).outputs.out, output);
    const { out } = (await runChain(chain, 'id,2024,2023\n"a",1,2\n')).outputs;
    assert.equal(out, `id,2024,2023${made.step === more ? ',2025,sum' : ''}\n${output}`);
  }
});

test('a record that end emits begins on a line of its own', async () => {
  const module = () => ({
    step: (record: Row, emit: Emit) => emit('out', record),
    end: (emit: Emit) => emit('out', { k: 'last', n: 0 }),
  });
  assert.equal((await runChain(csv(module), 'k,n\na,1')).outputs.out, 'k,n\na,1\nlast,0\n');
});

test('values: quotes are removed, CRLF is not part of the last field, a quoted carriage return is part of it', async () => {
  const seen: unknown[] = [];
  const module = () => ({ step: (record: Row) => void seen.push(Object.entries(record)) });
  await runChain(csv(module), 'k,__proto__\r\n"a ""b""",\u00fc\r\n"c,\nd","e\r"\r\nf,"g"\r\nh,i');
  const values = [
    ['a "b"', '\u00fc'],
    ['c,\nd', 'e\r'],
    ['f', 'g'],
    ['h', 'i'],
  ];
  assert.deepEqual(
    seen,
    values.map(([k, proto]) => [
      ['k', k],
      ['__proto__', proto],
    ]),
  );
});

test('columns that a check declares are numbers, others text', async () => {
  const seen: unknown[] = [];
  await runChain(
    csv(() => ({ step: (record: Row) => void seen.push(record) }), CHECKED),
    INPUT,
  );
  assert.deepEqual(seen, [
    { k: 'a', n: 1.5 },
    { k: 'b', n: 2 },
    { k: 'a', n: null },
  ]);
});

test('text that is not of the declared type stays text, and is written as it was', async () => {
  const columns = { n: 'number', i: 'integer', b: 'boolean' };
  const input = 'n,i,b\nn/a,0x1F,yes\n\u00fc, ,9\n 1,9007199254740993,True\n';
  const seen: unknown[] = [];
  const note = (record: Row, emit: Emit) => {
    seen.push(Object.values(record));
    emit('reject', record);
  };
  for (const rules of [columns, { n: 'number' }, { i: 'integer' }, { b: 'boolean' }]) {
    const steps = { check: { columns: rules, next: 'note', else: 'note' } };
    const { outputs } = await runChain(
      csv(() => ({ note }), { start: 'check', steps }),
      input,
    );
    assert.deepEqual(outputs, { reject: input });
  }
  assert.deepEqual(seen.slice(0, 3), [
    ['n/a', '0x1F', 'yes'],
    ['\u00fc', ' ', '9'],
    [' 1', '9007199254740993', 'True'],
  ]);
});

test('a record with another number of fields never comes to a module: it holds the file', async () => {
  const chain = csv(() => ({ step: () => {} }), { start: 'check', steps: { check: { next: 'step', else: 'step' } } });
  const { held } = await runChain(chain, 'k,n\na,1\nb\n', 'a.csv');
  assert.equal(held?.reason, 'a.csv, line 3: 1 field, the header has 2');
});

test('the first record of an output names its columns; a record with more columns is the fault of the module', async () => {
  const fewer = () => ({
    step: ({ k }: Row, emit: Emit) => emit('out', { k }),
    end: (emit: Emit) => emit('sum', { n: 3 }),
  });
  assert.deepEqual((await runChain(csv(fewer), INPUT)).outputs, { out: 'k\na\nb\na\n', sum: 'n\n3\n' });
  let count = 0;
  const odd = () => ({ step: (_: Row, emit: Emit) => emit('out', count++ === 0 ? { a: 1, b: 2 } : { b: 3 }) });
  assert.equal((await runChain(csv(odd), INPUT)).outputs.out, 'a,b\n1,2\n,3\n,3\n');
  const more = () => ({ step: (record: Row, emit: Emit) => emit('out', { ...record, [`x${count++}`]: 1 }) });
  const { held } = await runChain(csv(more), INPUT, 'a.csv');
  assert.match(
    held!.reason,
    /^a\.csv, line 3: step step failed: TypeError: a record has the column "x\d+", which the first/,
  );
});

test('promises are awaited in order, through several steps', async () => {
  const log: string[] = [];
  const module = () => ({
    async step({ k, n }: Row, emit: Emit) {
      await sleep(k === 'a' ? 3 : 0);
      emit('next', { k, n });
      emit('next', { k: `${k}2`, n });
    },
    async next(record: Row, emit: Emit) {
      log.push(`+${record.k}`);
      await sleep(1);
      log.push(`-${record.k}`);
      emit('out', record);
    },
  });
  const { outputs } = await runChain(csv(module), 'k,n\na,1\nb,2\n');
  assert.equal(outputs.out, 'k,n\na,1\na2,1\nb,2\nb2,2\n');
  assert.deepEqual(log, ['+a', '-a', '+a2', '-a2', '+b', '-b', '+b2', '-b2']);
});

test('batch gets up to 1,000 records in order, and all before end', async () => {
  const sizes: number[] = [];
  const module = () => ({
    async batch(records: Row[], emit: Emit) {
      sizes.push(records.length);
      await sleep(1);
      for (const record of records) emit('out', record);
    },
    end: (emit: Emit) => emit('sizes', { total: sizes.reduce((sum, size) => sum + size, 0) }),
  });
  const input = `k\n${Array.from({ length: 2_500 }, (_, at) => `"${at}"\n`).join('')}`;
  const { outputs } = await runChain(csv(module, { start: 'batch' }), input);
  assert.equal(outputs.out, input);
  assert.equal(outputs.sizes, 'total\n2500\n');
  assert.deepEqual(sizes, [1_000, 1_000, 500]);
});

test('an error names line, excerpt and message, also from a promise and from end', async () => {
  const fail = (record: Row) => {
    if (record.k === '"') throw new RangeError('too far');
  };
  for (const step of [fail, async (record: Row) => fail(record)]) {
    const { held, outputs } = await runChain(
      csv(() => ({ step })),
      'k\na\n""""\nc\n',
      'a.csv',
    );
    assert.deepEqual(outputs, {});
    assert.deepEqual([held?.code, held?.line, held?.byte, held?.excerpt], ['process_failed', 3, 4, '""""']);
    assert.equal(held?.reason, 'a.csv, line 3: step step failed: RangeError: too far');
  }
  const end = () => ({
    step: () => {},
    end() {
      throw 'a string';
    },
  });
  assert.equal((await runChain(csv(end), INPUT, 'a.csv')).held?.reason, 'a.csv: end failed: it threw a string');
});

test('a module cannot swallow an error that the engine throws in emit', async () => {
  const module = () => ({
    step(record: Row, emit: Emit) {
      try {
        emit(String(record.k), record);
      } catch {}
    },
  });
  assert.equal((await runChain(csv(module, { 'outputs-max': 1 }), INPUT)).held?.code, 'too_many_outputs');
});

test('a million tags are too many outputs', async () => {
  const module = () => ({
    step(_: Row, emit: Emit) {
      for (let at = 0; at < 1_000_000; at++) emit(`t${at}`, { at });
    },
  });
  const { held } = await runChain(csv(module), INPUT, 'a.csv');
  assert.equal(held?.reason, 'a.csv, line 2: "t100" would be output 101; outputs-max is 100');
});

test('a record that comes back to a step that it is still in is a circle, and its path is named', async () => {
  const circle = (wait: () => unknown) => () => ({
    step: async (record: Row, emit: Emit) => {
      await wait();
      emit('other', record);
    },
    other: (record: Row, emit: Emit) => emit('check', record),
  });
  for (const wait of [() => undefined, () => sleep(1)]) {
    const { held } = await runChain(csv(circle(wait), { steps: { check: { next: 'step' } }, start: 'check' }), INPUT);
    assert.match(held!.reason, /: the record goes in a circle: step → other → step$/);
  }
});

test('an emit after its step has ended holds the file, also where the module catches the error', async () => {
  const late = (when: () => Promise<unknown>) => async (record: unknown, emit: Emit) => {
    await when();
    try {
      emit('out', record);
    } catch {}
  };
  const atOnce = late(async () => {});
  const atEnd = late(() => sleep(1));
  const modules: Record<string, ModuleSteps> = {
    step: { step: (record: Row, emit: Emit) => void atOnce(record, emit) },
    batch: {
      step: (record: Row, emit: Emit) => emit('batch', record),
      batch: (all, emit) => void atOnce(all[0], emit),
    },
    'step again': { step: (record: Row, emit: Emit) => void atEnd(record, emit), end: () => sleep(20) },
  };
  for (const [name, steps] of Object.entries(modules)) {
    const { held, outputs } = await runChain(
      csv(() => steps),
      INPUT,
      'a.csv',
    );
    assert.deepEqual([held?.code, outputs], ['process_failed', {}]);
    assert.match(
      held!.reason,
      new RegExp(
        `^a.csv, line 2: emit of ${name.split(' ')[0]} was called after it had ended; return its promise, or await it$`,
      ),
    );
  }
});

test('a module that fails before the first record, or returns no steps, is unloadable', async () => {
  const bad: [unknown, RegExp][] = [
    [
      () => {
        throw new Error('no');
      },
      /fails before the first record: Error: no/,
    ],
    [async () => ({}), /answered a promise/],
    [() => 7, /must answer an object with its steps, but answered number/],
    [() => ({ step: () => {}, list: [] }), /has "list" among its steps/],
    [() => ({ *step() {} }), /has a generator as its step step, of which nothing would run/],
    [() => ({ other: () => {} }), /start: step is no step; the chain has other/],
  ];
  for (const [module, expected] of bad) await assert.rejects(runChain(csv(module as StepsOf), INPUT), expected);
});

test('records of jsonl are values, and of lines strings', async () => {
  const emitAll = () => ({ step: (record: unknown, emit: Emit) => emit('out', record) });
  const json = '{"b": 1.0, "a": [1 ,2]}\n"x"\nnull\r\n';
  assert.equal((await runChain({ format: 'jsonl', start: 'step', module: emitAll }, json)).outputs.out, json);
  const changed = () => ({ step: (record: { n: number }, emit: Emit) => emit('out', { ...record, n: record.n + 1 }) });
  assert.equal(
    (await runChain({ format: 'jsonl', start: 'step', module: changed }, '{ "n": 1 }\n')).outputs.out,
    '{"n":2}\n',
  );
  const lines = 'ä\r\n\nb';
  assert.equal((await runChain({ format: 'lines', start: 'step', module: emitAll }, lines)).outputs.out, lines);
  const louder = () => ({ step: (line: string, emit: Emit) => emit('out', line.toUpperCase()) });
  assert.equal((await runChain({ format: 'lines', start: 'step', module: louder }, lines)).outputs.out, 'Ä\n\nB\n');
});

test('each step of jsonl has a record of its own: what one changes is in no output of another', async () => {
  const jsonl = (steps: ModuleSteps): TestedChain => ({ format: 'jsonl', start: 'step', module: () => steps });
  const redact = (record: Row, emit: Emit) => {
    record.email = '***';
    emit('redacted', record);
  };
  const fan = (record: Row, emit: Emit) => {
    emit('redact', record);
    emit('keep', record);
  };
  const input = '{"email": "a@b.c"}\n';
  const redacted = '{"email":"***"}\n';
  assert.deepEqual((await runChain(jsonl({ step: fan, redact }), input)).outputs, { redacted, keep: input });
  const made = (_: Row, emit: Emit) => fan({ email: 'd@e.f' }, emit);
  assert.deepEqual((await runChain(jsonl({ step: made, redact }), input)).outputs, {
    redacted,
    keep: '{"email":"d@e.f"}\n',
  });
  const later = (record: Row, emit: Emit) => {
    emit('batch', record);
    record.copy = true;
    emit('audit', record);
  };
  const batch = (records: unknown[], emit: Emit) => emit('out', records[0]);
  assert.deepEqual((await runChain(jsonl({ step: later, batch }), input)).outputs, {
    out: input,
    audit: '{"email":"a@b.c","copy":true}\n',
  });
});
