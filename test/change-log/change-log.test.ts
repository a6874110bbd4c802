/**
 * The change log: a durable list of what changed, for readers of different speeds.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ChangeLog, ChangeLogError, type ChangeLogOptions, createChangeLog } from '../../src/change-log/index.js';
import { createWatcher } from '../../src/watcher/index.js';

const AT = new Date('2026-01-02T03:04:05.678Z');

function placeFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'change-log-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'changes.db');
}

async function open(t: TestContext, path = placeFor(t), options: Partial<ChangeLogOptions> = {}): Promise<ChangeLog> {
  const log = await createChangeLog({ path, ...options });
  t.after(() => log.close());
  return log;
}

const put = (key: string | Buffer) => ({ key, operation: 'put' as const, timestamp: AT });
const gone = (key: string | Buffer) => ({ key, operation: 'delete' as const, timestamp: AT });
const keysOf = async (log: ChangeLog, seq = 0) =>
  (await log.since(seq)).map(({ key, operation }) => `${operation} ${key.toString('latin1')}`);

/** The code of a refusal. Its message must be a sentence with the next step. */
async function refusedWith(act: Promise<unknown>): Promise<string> {
  const error = await act.then(
    () => assert.fail('it was not refused'),
    (told: unknown) => told,
  );
  assert(error instanceof ChangeLogError, String((error as Error).stack));
  assert.match(error.message, /^.{20,}\.$/s);
  return error.code;
}

test('recorded changes are returned in order and complete, even keys that are not text', async (t) => {
  const log = await open(t);
  const bytes = Buffer.from([0xff, 0x00, 0xfe, 0x2f]);
  assert.equal(await log.last(), 0);
  assert.deepEqual(await log.since(0), []);
  const seq = await log.record([put('a'), { ...gone(bytes), renameId: 'r1' }]);
  assert.equal(seq, await log.last());
  assert.deepEqual(await log.since(0), [
    { seq: seq - 1, key: Buffer.from('a'), operation: 'put', timestamp: AT },
    { seq, key: bytes, operation: 'delete', timestamp: AT, renameId: 'r1' },
  ]);
  assert.deepEqual(await log.since(seq), []);
});

test('a key that is recorded again is returned once, with its last state, after the others', async (t) => {
  const log = await open(t);
  const first = await log.record(put('a'));
  await log.record([put('b'), gone('a')]);
  assert.deepEqual(await keysOf(log), ['put b', 'delete a']);
  assert.deepEqual(await keysOf(log, first), ['put b', 'delete a']);
  await log.record(put('b'));
  assert.deepEqual(await keysOf(log), ['delete a', 'put b']);
});

test('a name that was written and then renamed is no rename for a reader that has not read the write', async (t) => {
  const log = await open(t);
  await log.record(put('old'));
  await log.record([
    { ...gone('old'), renameId: 'r' },
    { ...put('new'), renameId: 'r' },
    { ...gone('other'), renameId: 's' },
  ]);
  assert.deepEqual(
    (await log.since(0)).map(({ renameId }) => renameId),
    [undefined, 'r', 's'],
  );
});

test('pages of any size together are the whole', async (t) => {
  const log = await open(t);
  await log.record(Array.from({ length: 25 }, (_, n) => put(`k${n}`)));
  const all: string[] = [];
  for (let seq = 0; ; ) {
    const page = await log.since(seq, { limit: 7 });
    if (page.length === 0) break;
    assert(page.length <= 7);
    all.push(...page.map(({ key }) => key.toString()));
    seq = page.at(-1)!.seq;
  }
  assert.deepEqual(
    all,
    Array.from({ length: 25 }, (_, n) => `k${n}`),
  );
});

test('changes are removed when all consumers have acknowledged them, and not before', async (t) => {
  const log = await open(t);
  await log.register('x');
  await log.register('y');
  const seq = await log.record([put('a'), put('b')]);
  await log.ack('x', seq);
  assert.deepEqual(await keysOf(log), ['put a', 'put b']);
  await log.ack('y', seq - 1);
  assert.deepEqual(await keysOf(log, seq - 1), ['put b']);
  // Removed rows must not be skipped silently.
  assert.equal(await refusedWith(log.since(0)), 'change_log_gap');
  await log.ack('y', 1);
  assert.deepEqual(
    (await log.consumers()).map(({ name, acked }) => [name, acked]),
    [
      ['x', seq],
      ['y', seq - 1],
    ],
  );
  assert.equal(await log.forget('y'), true);
  assert.equal(await log.forget('y'), false);
  assert.equal(await refusedWith(log.since(seq - 1)), 'change_log_gap');
  assert.deepEqual(await log.since(seq), []);
});

test('a consumer continues over a restart; a new one starts now or with the oldest change', async (t) => {
  const path = placeFor(t);
  const log = await open(t, path);
  const first = await log.record(put('a'));
  assert.deepEqual(await log.register('now'), { seq: first, fresh: true });
  assert.deepEqual(await log.register('old', { from: 'oldest' }), { seq: 0, fresh: true });
  const second = await log.record(put('b'));
  // Both may have died while they read everything for the first time.
  assert.deepEqual(await log.register('now'), { seq: first, fresh: true });
  assert.deepEqual(await log.register('old'), { seq: 0, fresh: true });
  await log.ack('now', second);
  await log.ack('old', 0);
  await log.close();
  const again = await open(t, path);
  assert.deepEqual(await again.register('now'), { seq: second, fresh: false });
  assert.deepEqual(await again.register('old'), { seq: 0, fresh: false });
  assert.deepEqual(await keysOf(again), ['put a', 'put b']);
});

test('a consumer that never acknowledges is bounded: it is logged, refused, and starts again', async (t) => {
  const told: object[] = [];
  const log = await open(t, undefined, { entriesMax: 100, logger: { warn: (fields) => told.push(fields) } });
  await log.register('asleep');
  await log.register('awake');
  for (let n = 0; n < 300; n++) {
    const seq = await log.record(put(`k${n}`));
    if (n % 20 === 0) await log.ack('awake', seq);
  }
  assert(told.some((fields) => (fields as { consumer: string }).consumer === 'asleep'));
  assert(!told.some((fields) => (fields as { consumer: string }).consumer === 'awake'));
  assert.equal(await refusedWith(log.ack('asleep', 200)), 'change_log_lost_consumer');
  const { seq, fresh } = await log.register('asleep');
  assert.equal(fresh, true);
  await log.ack('asleep', seq);
  const [, awake] = await log.consumers();
  assert((await log.since(awake!.acked, { limit: 1_000 })).length <= 120);
});

test('a hot key costs no more than itself, however long nobody reads', async (t) => {
  const log = await open(t, undefined, { entriesMax: 10 });
  await log.register('slow');
  for (let n = 0; n < 200; n++) await log.record([put('hot'), put('warm')]);
  assert.deepEqual(await keysOf(log), ['put hot', 'put warm']);
  assert.equal((await log.consumers())[0]!.lost, false);
});

test('wrong arguments are refused with a rule, and nothing of their call is written', async (t) => {
  const log = await open(t);
  const bad = [
    log.record([]),
    log.record([put('a'), put('')]),
    log.record([put('a'), put(Buffer.alloc(9_000, 1))]),
    log.record({ key: 'a', operation: 'move' as never, timestamp: AT }),
    log.record({ key: 'a', operation: 'put', timestamp: new Date(Number.NaN) }),
    log.record(Array.from({ length: 20_001 }, () => put('a'))),
    log.since(-1),
    log.since(0, { limit: 0 }),
    log.since(0, { limit: 1e9 }),
    log.register(''),
    log.register('x'.repeat(201)),
  ];
  for (const code of await Promise.all(bad.map(refusedWith))) assert.equal(code, 'change_log_bad_value');
  assert.equal(await refusedWith(log.ack('nobody', 0)), 'change_log_unknown_consumer');
  await log.register('c');
  assert.equal(await refusedWith(log.ack('c', 5)), 'change_log_bad_value');
  assert.deepEqual(await log.since(0), []);
  await assert.rejects(createChangeLog({ path: placeFor(t), entriesMax: 0 }), /entriesMax must be/);
});

test('a failing call undoes itself alone among those that share its commit', async (t) => {
  const log = await open(t);
  const ends = await Promise.allSettled([log.record(put('a')), log.ack('nobody', 0), log.record(put('b'))]);
  assert.deepEqual(
    ends.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(await keysOf(log), ['put a', 'put b']);
});

test('a file that cannot be a change log is refused with a sentence', async (t) => {
  const path = placeFor(t);
  writeFileSync(path, 'no database, but long enough to be taken for one'.repeat(100));
  for (const [unusable, next] of [
    [path, /\(it is damaged or no database\): name another path, or move this file .* away; [^:]*\.$/],
    [join(path, 'x'), /\): name another path, or correct its permissions .*\.$/],
    [join(path, '../missing/x'), /\): make its directory, or name another path\.$/],
  ] as const) {
    assert.equal(await refusedWith(createChangeLog({ path: unusable })), 'change_log_unusable');
    await assert.rejects(createChangeLog({ path: unusable }), { message: next });
  }
});

test('a file of somebody else is refused, and stays as it is', async (t) => {
  const path = placeFor(t);
  const watcher = createWatcher({ statePath: path });
  await watcher.watch(mkdtempSync(join(path, '..', 'watched-')));
  await watcher.stop();
  for (const [content, why] of [
    [readFileSync(path), /\(it is a database of another kind\): name another path, or /],
    ['1', /\(it is damaged or no database\): name another path, or /],
  ] as const) {
    writeFileSync(path, content);
    await assert.rejects(createChangeLog({ path }), { code: 'change_log_unusable', message: why });
    assert.deepEqual(readFileSync(path), Buffer.from(content));
  }
});

test('the file is ours alone, and one that was put away under us ends the work', async (t) => {
  const path = placeFor(t);
  const log = await open(t, path);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await log.record(put('a'));
  renameSync(path, `${path}.away`);
  for (const act of [() => log.record(put('b')), () => log.since(1), () => log.last()])
    assert.equal(await refusedWith(act()), 'change_log_replaced');
});

test('a reader that is ahead of the log, as after a restore of an older one, is refused', async (t) => {
  const log = await open(t);
  await log.record([put('a'), put('b')]);
  assert.deepEqual(await keysOf(log, 2), []);
  assert.equal(await refusedWith(log.since(3)), 'change_log_gap');
});

test('after close every call is refused; closing twice is fine, and writes what was asked for', async (t) => {
  const path = placeFor(t);
  const log = await open(t, path);
  const last = log.record(put('a'));
  await log.close();
  await log.close();
  assert.equal(await last, 1);
  assert.equal(await refusedWith(log.record(put('b'))), 'change_log_closed');
  assert.equal(await refusedWith(log.since(0)), 'change_log_closed');
  assert.deepEqual(await keysOf(await open(t, path)), ['put a']);
});
