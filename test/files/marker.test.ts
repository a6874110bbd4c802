/**
 * The marker of a root: whole or absent, and only one, however many processes make it at once.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Marker, makeMarker, readMarker, removeLeftOver } from '../../src/files/marker.js';
import { openRoot } from '../../src/ingest/files/feed-files.js';
import { folderFor } from './folder.js';

const MAKERS = 4;
const ROOTS = 100;

test(`${MAKERS} processes that mark ${ROOTS} roots at once agree on each marker`, async (t) => {
  const roots = Array.from({ length: ROOTS }, () => folderFor(t));
  const makers = Array.from({ length: MAKERS }, () => fork(join(import.meta.dirname, 'marking.js'), roots));
  t.after(() => {
    for (const maker of makers) maker.kill('SIGKILL');
  });
  await Promise.all(makers.map((maker) => once(maker, 'message')));
  const answers = makers.map(made);
  for (const maker of makers) maker.send('go');
  const ids = await Promise.all(answers);
  const winners = new Set<string>();
  roots.forEach((root, n) => {
    const told = new Set(ids.map((list) => list[n]!.id));
    assert.equal(told.size, 1, `${[...told]} are reported for one root`);
    assert.deepEqual(readdirSync(root), ['.ingest-root'], 'no temporary marker is left');
    assert.equal(read(root)?.id, [...told][0]);
    winners.add(String(read(root)?.statePath));
  });
  t.diagnostic(`${winners.size} of ${MAKERS} processes won a root`);
});

async function made(maker: ChildProcess): Promise<Marker[]> {
  const [markers] = (await once(maker, 'message')) as [Marker[]];
  return markers;
}

function read(root: string): Marker | undefined {
  const fd = openRoot(root);
  try {
    return readMarker(fd);
  } finally {
    closeSync(fd);
  }
}

test('an existing marker is kept; a torn one, or a symlink, does not count as a marker', (t) => {
  const root = folderFor(t);
  const fd = openRoot(root);
  t.after(() => closeSync(fd));
  const first = makeMarker(fd, { kind: 'work', state: 'one' });
  assert.deepEqual(makeMarker(fd, { kind: 'work', state: 'two' }), first);
  assert.equal(first.state, 'one');

  const [torn, linked] = [folderFor(t), folderFor(t)];
  writeFileSync(join(torn, '.ingest-root'), '{"id": "1');
  assert.equal(read(torn), undefined);
  symlinkSync(join(root, '.ingest-root'), join(linked, '.ingest-root'));
  assert.throws(() => read(linked), { code: 'ELOOP' });
});

test('temporary files of a crashed maker are removed from a root that has its marker; other names stay', (t) => {
  const root = folderFor(t);
  const temporary = `.ingest-root.${randomUUID()}`;
  writeFileSync(join(root, temporary), '{"id": "1');
  writeFileSync(join(root, '.ingest-root.mine'), 'a note');
  const fd = openRoot(root);
  t.after(() => closeSync(fd));
  removeLeftOver(fd);
  assert.deepEqual(readdirSync(root).sort(), [temporary, '.ingest-root.mine'].sort(), 'its maker may be at work');
  makeMarker(fd, { kind: 'warehouse' });
  removeLeftOver(fd);
  assert.deepEqual(readdirSync(root).sort(), ['.ingest-root', '.ingest-root.mine']);
});
