/**
 * Parts of the engine by themselves: their bounds, and rare cases.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { ByteName } from '../../src/linux/names.js';
import { limits } from '../../src/watcher/backend/limits.js';
import { linuxBackend } from '../../src/watcher/backend/linux-backend.js';
import { nodeBackend } from '../../src/watcher/backend/node-backend.js';
import type { EngineEvent } from '../../src/watcher/engine/index.js';
import { Intake } from '../../src/watcher/engine/intake.js';
import { PathQueue } from '../../src/watcher/engine/path-queue.js';
import { Schedule } from '../../src/watcher/engine/schedule.js';
import { WatchedTree } from './watched-tree.js';

const name = (text: string): ByteName => text as ByteName;
const hooks = {
  everything: true,
  opened: () => {},
  failed: () => {},
  target: (path: ByteName) => path,
  enters: () => true,
};
const makeSchedule = (): Schedule =>
  new Schedule(linuxBackend, hooks, { paths: () => [], hooks }, { onBegin: () => {}, onAbandon: () => {} });

test('queued paths beyond their bound are one scan, emitted once', () => {
  const told: EngineEvent[] = [];
  const marks = new PathQueue(true);
  const schedule = makeSchedule();
  let rung = 0;
  const options = { ...hooks, recursive: true, emit: (event: EngineEvent) => void told.push(event) };
  const intake = new Intake(
    options,
    marks,
    () => schedule,
    () => {
      rung += 1;
    },
    { noteGone: () => {} },
  );
  for (let i = 0; i < limits.queuedPathsMax + 2; i++) intake.onFile(name(`${i}`), 'write', false);
  assert.deepEqual(told, [{ event: 'marks_full' }]);
  assert.equal(rung, limits.queuedPathsMax + 2);
  assert.equal(schedule.nextAtMs, 0);
  assert.equal(schedule.next(0)?.cause, 'marks_full');
});

test('single directories beyond their bound are a scan of the whole tree, and the two take turns', () => {
  const schedule = makeSchedule();
  for (let i = 0; i < limits.directoriesMax; i++) schedule.wantDirectory(name(`${i}`));
  const part = schedule.next(0);
  assert.equal(part?.cause, 'new');
  for (let i = 0; i <= limits.directoriesMax; i++) schedule.wantDirectory(name(`${i}`));
  const main = schedule.next(0);
  assert.equal(main?.cause, 'marks_full');
  assert.deepEqual([schedule.next(0), schedule.next(0), schedule.next(0)], [part, main, part]);
  schedule.abandonAll();
  assert.equal(schedule.next(0), undefined);
});

test('a periodic scan gives way to a requested one, and rests in between', () => {
  const schedule = makeSchedule();
  schedule.periodicIn(5, 0);
  assert.equal(schedule.next(1), undefined);
  assert.equal(schedule.nextAtMs, 5);
  const periodic = schedule.next(6)!;
  assert.equal(periodic.cause, 'periodic');
  schedule.sliced(periodic, 2 * limits.paceBurstMs, 10);
  assert.equal(schedule.next(11), undefined);
  assert(schedule.nextAtMs > 10);
  schedule.want('asked');
  assert.equal(schedule.next(12)?.cause, 'asked');
  schedule.retryIn(1, 12);
  schedule.abandonAll();
  assert.equal(schedule.next(14), undefined);
});

test('the kind of a name, with both backends; above nothing there is no mount', async () => {
  const told = new WatchedTree();
  writeFileSync(told.at('file'), '');
  execFileSync('mkfifo', [told.at('fifo')]);
  for (const backend of [linuxBackend, nodeBackend]) {
    const root = backend.openRoot(name(told.root));
    assert.deepEqual(
      ['file', 'fifo', 'nothing'].map((path) => backend.kindOf(root, name(path))),
      ['file', 'fifo', undefined],
    );
    assert.equal(root.isRemote(), false);
    assert.equal(root.facts().linked, true);
    assert.equal(backend.mountAbove(name(`${told.root}/no/thing`)), undefined);
    assert.equal(backend.mountAbove(name(told.root)), root.facts().mount);
    root.close();
  }
  await told.end();
});
