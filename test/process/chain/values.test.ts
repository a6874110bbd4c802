/** The values that a module emits: those that cannot be written are its fault, and none is lost or changed without a word. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Emit, runChain, type StepsOf, type TestedChain } from '../../../src/process/index.js';

type Row = Record<string, unknown>;
const csv = (module: StepsOf): TestedChain => ({ format: 'csv', start: 'step', module });
const INPUT = 'k,n\na,1\n';

test('a value that cannot be written is the fault of the module', async () => {
  const odd: Record<string, unknown> = { object: {}, infinite: Number.POSITIVE_INFINITY, half: '\ud800' };
  for (const [name, value] of Object.entries(odd)) {
    const { held } = await runChain(
      csv(() => ({ step: (_: Row, emit: Emit) => emit('out', { value }) })),
      INPUT,
    );
    assert.equal(held?.code, 'process_failed', name);
  }
  for (const record of ['text', null, [1]])
    assert.match(
      (
        await runChain(
          csv(() => ({ step: (_: Row, emit: Emit) => emit('out', record) })),
          INPUT,
        )
      ).held!.reason,
      /a record of csv is an object/,
    );
  const tag = undefined as unknown as string;
  assert.match(
    (
      await runChain(
        csv(() => ({ step: (r: Row, emit: Emit) => emit(tag, r) })),
        INPUT,
      )
    ).held!.reason,
    /a tag is a string/,
  );
});

const jsonl = (value: unknown): TestedChain => ({
  format: 'jsonl',
  start: 'step',
  module: () => ({ step: (_: Row, emit: Emit) => emit('out', value) }),
});

test('a value that the format would write as nothing holds the file, and its kind is named', async () => {
  class Lead {}
  const lost: [unknown, RegExp][] = [
    [Promise.resolve(1), /but got a Promise$/],
    [new Map([[1, 2]]), /but got a Map$/],
    [new Set([1]), /but got a Set$/],
    [new Lead(), /but got a Lead$/],
  ];
  for (const [value, expected] of lost) {
    assert.match(
      (
        await runChain(
          csv(() => ({ end: (emit) => emit('out', value), step() {} })),
          INPUT,
        )
      ).held!.reason,
      expected,
    );
    assert.match((await runChain(jsonl(value), '1\n')).held!.reason, expected);
  }
  const deep: [unknown, RegExp][] = [
    ...lost,
    [Number.NaN, /but got NaN$/],
    [Number.POSITIVE_INFINITY, /but got Infinity$/],
    [new Date('x'), /but got a Date$/],
    [() => 1, /but got a function$/],
  ];
  for (const [value, expected] of deep)
    assert.match((await runChain(jsonl({ a: [{ value }] }), '1\n')).held!.reason, expected);
  const kept = { none: {}, list: [], at: new Date(0), gone: undefined };
  assert.equal(
    (await runChain(jsonl(kept), '1\n')).outputs.out,
    '{"none":{},"list":[],"at":"1970-01-01T00:00:00.000Z"}\n',
  );
  const same = () => ({ step: (record: Row, emit: Emit) => emit('out', record) });
  const big = '{"a":1e400}\n';
  assert.equal((await runChain({ format: 'jsonl', start: 'step', module: same }, big)).outputs.out, big);
});

test('records of a batch with equal values keep their own bytes, for each tag', async () => {
  const module = () => ({
    batch(records: unknown[], emit: Emit) {
      for (const record of records) {
        emit('out', record);
        if (record !== 'x') emit('again', record);
      }
    },
  });
  const tested = (format: 'jsonl' | 'lines'): TestedChain => ({ format, start: 'batch', module });
  const numbers = '1\n1.0\n9007199254740992\n9007199254740993\n "a"\n1e0\n"a"\nnull\n';
  assert.deepEqual((await runChain(tested('jsonl'), numbers)).outputs, { out: numbers, again: numbers });
  const lines = 'a\r\nx\na\nx\r\n';
  assert.deepEqual((await runChain(tested('lines'), lines)).outputs, { out: lines, again: 'a\r\na\n' });
});

test('jsonl in latin1: a character that latin1 has not is written as an escape', async () => {
  const module = () => ({
    step(record: Row, emit: Emit) {
      emit('same', record);
      emit('changed', { ...record, more: 'ü€' });
    },
  });
  const input = '{"a": "\\u0141\\ud83d\\ude00ü"}\n';
  const tested: TestedChain = { format: 'jsonl', encoding: 'latin1', start: 'step', module };
  assert.deepEqual((await runChain(tested, Buffer.from(input, 'latin1'))).outputs, {
    same: input,
    changed: '{"a":"\\u0141\\ud83d\\ude00ü","more":"ü\\u20ac"}\n',
  });
});

test('an output of the module that is a value of split holds the file, whichever comes first', async () => {
  const steps = { split: { by: 'k' } };
  const emitted = (tag: string, when: 'before' | 'after' | 'end'): TestedChain => ({
    format: 'csv',
    start: 'step',
    steps,
    module: () => ({
      step(record: Row, emit: Emit) {
        if (when === 'before') emit(tag, record);
        emit('split', record);
        if (when === 'after') emit(tag, record);
      },
      end: (emit: Emit) => when === 'end' && emit(tag, { k: 'z', n: 0 }),
    }),
  });
  for (const when of ['before', 'after', 'end'] as const) {
    const { held, outputs } = await runChain(emitted('a', when), INPUT, 'a.csv');
    assert.match(
      held!.reason,
      /^a\.csv(, line 2)?: "a" is an output of the module and a value of split, .*needs another tag$/,
    );
    assert.deepEqual([held!.code, outputs], ['process_failed', {}]);
    assert.deepEqual(Object.keys((await runChain(emitted('b', when), INPUT)).outputs).sort(), ['a', 'b']);
  }
});
