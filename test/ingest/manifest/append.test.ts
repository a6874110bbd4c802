/** Appends with an intent, and the recovery of one that a crash has left. */
import assert from 'node:assert/strict';
import { appendFileSync, closeSync, openSync, readFileSync, renameSync, rmSync, statSync, truncateSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { confirmAppend, writeAppend } from '../../../src/ingest/manifest/append.js';
import { takeOver } from '../../../src/ingest/manifest/finish.js';
import { createDesk, type Desk, openDeskState } from './desk.js';
import { holdLease } from './leasing.js';

const FIRST = '{"n":1}\n';
const OURS = '{"n":2,"name":"ä"}\n{"n":3}\n';
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);

/** One confirmed line, and after it an intent of which `written` is on disk. */
async function crashed(t: TestContext, written: string | Buffer): Promise<Desk> {
  const desk = await createDesk(t);
  await desk.append(FIRST);
  await desk.intent(OURS);
  appendFileSync(desk.path, written);
  return desk;
}

async function nothingOpen(desk: Desk): Promise<void> {
  assert.equal(desk.open(), undefined);
  await desk.append('{"next":true}\n');
  assert.ok(desk.text.endsWith('}\n{"next":true}\n'), desk.text);
}

test('lines are appended one batch after the other, in one file that keeps its inode', async (t) => {
  const desk = await createDesk(t);
  assert.equal(await desk.append(FIRST), 'written');
  const { inode } = desk;
  assert.equal(await desk.append(OURS), 'written');
  assert.deepEqual([desk.text, desk.inode, desk.events()], [FIRST + OURS, inode, []]);
});

test(`redo completes whatever beginning was written, and writes over NULs of a power cut; SEED=${SEED}`, async (t) => {
  const desk = await createDesk(t);
  const bytes = Buffer.from(OURS);
  const beginning = fc
    .integer({ min: 0, max: bytes.length })
    .chain((length) =>
      fc
        .array(fc.boolean(), { minLength: length, maxLength: length })
        .map((lost) => Buffer.from(bytes.subarray(0, length).map((byte, i) => (lost[i] ? 0 : byte)))),
    );
  await fc.assert(
    fc.asyncProperty(beginning, async (part) => {
      rmSync(desk.path, { force: true });
      await desk.append(FIRST);
      const { inode } = desk;
      await desk.intent(OURS);
      appendFileSync(desk.path, part);
      assert.equal(await desk.redo(), true);
      assert.deepEqual([desk.text, desk.inode, desk.open()], [FIRST + OURS, inode, undefined]);
    }),
    { seed: SEED, numRuns: 60 },
  );
  assert.equal(desk.events().includes('manifest_replanned'), false);
});

test('lines that were whole before the crash are not written a second time, nor are later lines touched', async (t) => {
  const desk = await crashed(t, `${OURS}{"foreign":1}\n`);
  await desk.redo();
  assert.equal(desk.text, `${FIRST}${OURS}{"foreign":1}\n`);
  await nothingOpen(desk);
  assert.deepEqual(desk.events(), ['manifest_foreign_lines']);
});

test('foreign lines where ours were planned are kept, and ours follow them', async (t) => {
  const desk = await crashed(t, '{"foreign":1}\n');
  await desk.redo();
  assert.equal(desk.text, `${FIRST}{"foreign":1}\n${OURS}`);
  assert.deepEqual(desk.events(), ['manifest_replanned']);
  await nothingOpen(desk);
});

test('a foreign line without an end gets its newline before ours', async (t) => {
  const desk = await crashed(t, '{"foreign":');
  await desk.redo();
  assert.equal(desk.text, `${FIRST}{"foreign":\n${OURS}`);
  await nothingOpen(desk);
});

test('a torn end is ended by a newline also where no crash was', async (t) => {
  const desk = await createDesk(t);
  await desk.append(FIRST);
  appendFileSync(desk.path, '{"half');
  await desk.append(OURS);
  assert.equal(desk.text, `${FIRST}{"half\n${OURS}`);
  assert.deepEqual(desk.events(), ['manifest_foreign_lines']);
});

test('a newline that was planned for a torn end is not written where the end is whole by now', async (t) => {
  const desk = await createDesk(t);
  desk.text = '{"half';
  await desk.intent(`\n${OURS}`);
  desk.text = '{"edited":1}\n';
  await desk.redo();
  assert.equal(desk.text, `{"edited":1}\n${OURS}`);
});

test('a file that was rotated away keeps what it has; ours go into the new one', async (t) => {
  const desk = await crashed(t, OURS.slice(0, 5));
  renameSync(desk.path, `${desk.path}.1`);
  await desk.redo();
  assert.equal(desk.text, OURS);
  assert.equal(readFileSync(`${desk.path}.1`, 'utf8'), FIRST + OURS.slice(0, 5));
  await nothingOpen(desk);
});

test('what an operator has cut off is not written back, only what was planned', async (t) => {
  const desk = await crashed(t, OURS.slice(0, 5));
  truncateSync(desk.path, 0);
  await desk.redo();
  assert.equal(desk.text, OURS);
  await nothingOpen(desk);
});

test('a file that was cut between two appends goes on at its new end, and that is logged', async (t) => {
  const desk = await createDesk(t);
  await desk.append(FIRST + FIRST);
  truncateSync(desk.path, FIRST.length);
  await desk.append(OURS);
  assert.equal(desk.text, FIRST + OURS);
  assert.deepEqual(desk.logged[0], {
    event: 'manifest_truncated',
    feed: 'default',
    file: desk.path,
    ours_end: FIRST.length * 2,
    found_end: FIRST.length,
  });
});

test('an open intent is finished first', async (t) => {
  const desk = await crashed(t, OURS.slice(0, 9));
  assert.equal(await desk.append('{"next":true}\n'), 'stale');
  assert.equal(desk.text, FIRST + OURS);
  assert.equal(await desk.append('{"next":true}\n'), 'written');
  assert.equal(desk.text, `${FIRST}${OURS}{"next":true}\n`);
});

test('the intent of a living owner is waited for, that of a dead one is taken over', async (t) => {
  const desk = await createDesk(t);
  const other = await openDeskState(desk.folder);
  await desk.append(FIRST);
  await desk.intent(OURS, other.owner);
  assert.equal(await desk.append('{"next":true}\n'), 'busy');
  assert.equal(await desk.redo(), false);
  assert.equal(desk.text, FIRST);
  await other.close();
  assert.equal(await desk.redo(), true);
  assert.equal(desk.text, FIRST + OURS);
});

test('a slow process that has read an append never takes or confirms a later one for it', async (t) => {
  const desk = await createDesk(t);
  const other = await openDeskState(desk.folder);
  t.after(() => other.close());
  const { finishOpen } = await import('../../../src/ingest/manifest/write.js');
  // Another process reads A and stops; A is done; B is planned, fails and is given back; then that process goes on.
  const a = await desk.intent(FIRST);
  assert.equal(await desk.redo(), true);
  const b = await desk.intent(OURS);
  assert.notEqual(b.id, a.id);
  await finishOpen(desk.file(other), a);
  assert.deepEqual(desk.open(), b);
  assert.equal(await desk.redo(), true);
  assert.equal(desk.text, FIRST + OURS);
});

test('an append that was planned again elsewhere is not the one that was read before', async (t) => {
  const desk = await createDesk(t);
  await desk.append(FIRST);
  const open = await desk.intent(OURS);
  for (const before of [{ at: open.at - 1 }, { inode: open.inode + 1 }, { file: `${open.file}.1` }]) {
    const read = { ...open, ...before };
    assert.equal(await takeOver(desk.backend, read), false);
    await desk.backend.transact((tx) => confirmAppend(tx, read));
  }
  assert.deepEqual(desk.open(), open);
});

test('where a reader has a lease on the file, what is planned and what is found wait until it is given back', async (t) => {
  const desk = await createDesk(t);
  await desk.append(FIRST);
  let letGo = await holdLease(t, desk.path);
  assert.equal(await desk.append('{"next":true}\n'), 'leased');
  assert.equal(desk.open(), undefined, 'nothing is planned that cannot be written');
  await letGo();
  const found = await desk.intent(OURS);
  letGo = await holdLease(t, desk.path);
  const { finishOpen } = await import('../../../src/ingest/manifest/write.js');
  assert.equal(await finishOpen(desk.file(), found), 'leased');
  assert.deepEqual(desk.open(), found, "and it is nobody's again");
  await letGo();
  assert.equal(await desk.redo(), true);
  assert.equal(desk.text, FIRST + OURS);
});

test('several tasks that find one intent that does not fit write its lines once: in one process, and in two', async (t) => {
  const desk = await createDesk(t);
  const other = await openDeskState(desk.folder);
  t.after(() => other.close());
  for (let round = 0; round < 20; round++) {
    rmSync(desk.path, { force: true });
    await desk.append(FIRST + FIRST);
    const open = await desk.intent(OURS);
    truncateSync(desk.path, FIRST.length);
    appendFileSync(desk.path, '{"foreign');
    const { finishOpen } = await import('../../../src/ingest/manifest/write.js');
    await Promise.all([
      finishOpen(desk.file(), open),
      finishOpen(desk.file(), open),
      finishOpen(desk.file(other), open),
      desk.append('{"next":1}\n'),
      desk.append('{"next":2}\n', other),
    ]);
    assert.equal(desk.text.split('{"n":2').length - 1, 1, `round ${round}:\n${desk.text}`);
  }
});

test('planning that comes to nothing leaves no intent and no byte', async (t) => {
  const desk = await createDesk(t);
  await desk.append(FIRST);
  const { appendTo } = await import('../../../src/ingest/manifest/write.js');
  assert.equal(await appendTo(desk.file(), () => undefined), 'nothing');
  assert.deepEqual([desk.open(), statSync(desk.path).size], [undefined, FIRST.length]);
});

test('the name of the file is asked before the sync, during which a rotation takes whole lines along', async (t) => {
  const desk = await createDesk(t);
  const append = await desk.intent(OURS);
  const fd = openSync(desk.path, 'r+');
  let asked = 0;
  const written = writeAppend(fd, append, () => ++asked > 0);
  assert.equal(asked, 2, 'before and after the write');
  assert.equal(await written, true);
  closeSync(fd);
  assert.equal(desk.text, OURS);
});
