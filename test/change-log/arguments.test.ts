/**
 * Every wrong argument of every method of the change log is refused with a sentence.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ChangeLog, ChangeLogError, type ChangeLogOptions, createChangeLog } from '../../src/change-log/index.js';
import { until } from '../world/waiting.js';

const CHANGE = { key: 'a', operation: 'put' as const, timestamp: new Date(0) };
/** Values of types that no argument has. */
const NEVER: unknown[] = [null, Symbol('x'), true, () => {}];

function placeFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'change-log-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'changes.db');
}

async function open(t: TestContext, options: Partial<ChangeLogOptions> = {}): Promise<ChangeLog> {
  const log = await createChangeLog({ path: placeFor(t), ...options });
  t.after(() => log.close());
  return log;
}

async function isRefused(what: string, act: () => Promise<unknown>, says?: RegExp): Promise<void> {
  const error = await act().then(
    () => assert.fail(`accepted: ${what}`),
    (told: unknown) => told,
  );
  assert(error instanceof ChangeLogError, `${what}: ${(error as Error).stack}`);
  assert.equal(error.code, 'change_log_bad_value', what);
  assert.match(error.message, /^.{20,}\.$/s);
  if (says) assert.match(error.message, says);
}

test('a wrong change is refused, and nothing of its call is recorded', async (t) => {
  const log = await open(t);
  for (const given of [...NEVER, undefined, 5, 'a', new Set([CHANGE]), {}]) {
    await isRefused(`record(${String(given)})`, () => log.record(given as never));
    await isRefused(`record([…, ${String(given)}])`, () => log.record([CHANGE, given as never]));
  }
  for (const name of ['key', 'operation', 'timestamp', 'renameId'] as const) {
    const optional = name === 'renameId' ? [] : [undefined];
    for (const value of [...NEVER, ...optional, 5, 5n, {}, [], ''])
      await isRefused(`${name}: ${String(value)}`, () => log.record({ ...CHANGE, [name]: value as never }));
  }
  await isRefused('a number for text', () => log.record({ ...CHANGE, renameId: 5 as never }), /renameId .* got 5\.$/);
  await isRefused('bytes of another kind', () => log.record({ ...CHANGE, key: new Uint8Array([65]) as never }));
  assert.equal(await log.last(), 0);
});

test('numbers, names and options of every other method', async (t) => {
  const log = await open(t);
  await log.register('c');
  const seqs = [...NEVER, undefined, '0', 0.5, Number.NaN, 5n, {}];
  for (const seq of seqs) {
    await isRefused(`since(${String(seq)})`, () => log.since(seq as never));
    await isRefused(`ack(c, ${String(seq)})`, () => log.ack('c', seq as never));
  }
  for (const name of [...NEVER, undefined, 5, 5n, {}, '']) {
    await isRefused(`register(${String(name)})`, () => log.register(name as never));
    await isRefused(`ack(${String(name)})`, () => log.ack(name as never, 0));
    await isRefused(`forget(${String(name)})`, () => log.forget(name as never));
  }
  for (const options of [...NEVER, 5, 'x']) {
    await isRefused(`since(0, ${String(options)})`, () => log.since(0, options as never));
    await isRefused(`register(d, ${String(options)})`, () => log.register('d', options as never));
  }
  await isRefused('limit', () => log.since(0, { limit: '5' as never }), /limit .* got "5"\.$/);
  await isRefused('limits', () => log.since(0, { limits: 5 } as never), /did you mean limit\?/);
  await isRefused('from', () => log.register('d', { from: 'later' as never }), /'now' or 'oldest', but got "later"\.$/);
  await isRefused('form', () => log.register('d', { form: 'oldest' } as never), /did you mean from\?/);
  assert.deepEqual(await log.since(0, { limit: undefined as never }), []);
  assert.deepEqual(await log.register('d', { from: undefined as never }), { seq: 0, fresh: true });
  assert.deepEqual(
    (await log.consumers()).map(({ name }) => name),
    ['c', 'd'],
  );
});

test('options of the log, before a file is made', async (t) => {
  const path = placeFor(t);
  const wrong: unknown[] = [
    ...[...NEVER, undefined, 'x', {}].map((options) => options),
    ...[...NEVER, undefined, 5, '', 'a\0b', `${path} `].map((value) => ({ path: value })),
    ...[...NEVER, '5', 0, 0.5].map((entriesMax) => ({ path, entriesMax })),
    ...[...NEVER, {}, { warn: 'x' }].map((logger) => ({ path, logger })),
    { path, entries: 5 },
  ];
  for (const options of wrong) await isRefused('the options', () => createChangeLog(options as never));
  await isRefused('entrieMax', () => createChangeLog({ path, entrieMax: 5 } as never), /did you mean entriesMax\?/);
  assert.deepEqual(readdirSync(join(path, '..')), []);
});

test('a logger that throws does not prevent recording, and causes a warning', async (t) => {
  const warnings: Error[] = [];
  const keep = (warning: Error): void => void warnings.push(warning);
  process.on('warning', keep);
  t.after(() => process.off('warning', keep));
  const warn = (): void => {
    throw new Error('the disk of the log is full');
  };
  const log = await open(t, { entriesMax: 1, logger: { warn } });
  await log.register('asleep');
  for (let n = 0; n < 10; n++) assert.equal(await log.record({ ...CHANGE, key: `k${n}` }), n + 1);
  assert.equal((await log.consumers())[0]!.lost, true);
  await until('the warning', () => warnings.length > 0);
  assert.match(warnings[0]!.message, /logger .* the disk of the log is full/);
});
