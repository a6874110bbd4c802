/** The small parts: ids, back-off, owners' slots. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { backoffMs } from '../../queue/clock.js';
import { limits } from '../../queue/limits.js';
import { Owners } from '../../queue/owners.js';
import { ulidFactory } from '../../queue/ulid.js';
import { host } from '../../src/linux/index.js';
import { newStateDir } from './sqlite/kind.js';

test('ids are 26 characters and sort by creation, also when the wall clock steps back', () => {
  let wallMs = 1_700_000_000_000;
  const next = ulidFactory(() => wallMs);
  const ids: string[] = [];
  for (let i = 0; i < 5_000; i++) {
    if (i % 100 === 0) wallMs += i % 300 === 0 ? -50 : 70;
    ids.push(next());
  }
  assert.deepEqual([...ids].sort(), ids);
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, /^[0-9A-HJKMNP-TV-Z]{26}$/);
  // The example of the specification: 1469918176385 ms is 01ARYZ6S41.
  assert.equal(ulidFactory(() => 1_469_918_176_385)().slice(0, 10), '01ARYZ6S41');
});

test('back-off doubles up to its cap, with jitter in its upper half', () => {
  const at = (attempts: number, random: number) => backoffMs(attempts, 500, 300_000, () => random);
  assert.deepEqual(
    [1, 2, 3].map((attempts) => at(attempts, 1)),
    [500, 1_000, 2_000],
  );
  assert.deepEqual(
    [1, 2, 3].map((attempts) => at(attempts, 0)),
    [250, 500, 1_000],
  );
  assert.equal(at(40, 1), 300_000);
  assert.equal(at(4_000, 0), 150_000);
});

test('a slot belongs to its living owner: the next id of the same slot is skipped until the lock is free', () => {
  const { dir, remove } = newStateDir();
  const open = () => new Owners(host(), join(dir, 'owners'));
  const [first, second, reader] = [open(), open(), open()];
  assert.equal(first.tryBecome(7, 'first', 1), true);
  assert.equal(second.tryBecome(7 + limits.ownersMax, 'second', 2), false);
  assert.equal(second.tryBecome(8 + limits.ownersMax, 'second', 2), true);
  first.beat({ job: 'J', place: '/warehouse' }, 50);
  first.beat({ job: null, place: '/warehouse' }, 60);
  const { title, job, place, placeSinceMs, pid } = reader.slot(7)!;
  assert.deepEqual([title, job, place, placeSinceMs, pid], ['first', null, '/warehouse', 50, process.pid]);
  assert.deepEqual([first.isAlive(7), reader.isAlive(7), reader.isAlive(9)], [true, true, false]);
  first.close();
  assert.equal(reader.isAlive(7), false);
  assert.equal(reader.tryBecome(7 + limits.ownersMax, 'third', 3), true);
  assert.equal(second.slot(7)?.title, 'third');
  second.close();
  reader.close();
  remove();
});

test('the job in progress is read back as written, short after long and long after short', () => {
  const { dir, remove } = newStateDir();
  const owners = new Owners(host(), join(dir, 'owners'));
  owners.tryBecome(1, 'worker "one"', 1);
  const jobs = [null, '0'.repeat(26), 'J', 'longer than any id of ours is'];
  const places = ['', 'warehouse', '"quoted" \\', 'ü'.repeat(12), 'p'.repeat(100), 'x'];
  const cases = places.flatMap((place) => jobs.map((job) => ({ job, place })));
  for (const [n, inProgress] of [...cases, ...cases.reverse()].entries()) {
    owners.beat(inProgress, 1_000 + n ** 5);
    const { job, place, title, pid } = owners.slot(1)!;
    assert.deepEqual({ job, place }, inProgress);
    assert.deepEqual([title, pid], ['worker "one"', process.pid]);
  }
  owners.close();
  remove();
});

test('each heartbeat is seen by every process, and an idle owner writes nothing', () => {
  const { dir, remove } = newStateDir();
  const open = () => new Owners(host(), join(dir, 'owners'));
  const [first, second, reader] = [open(), open(), open()];
  first.tryBecome(1, 'first', 1);
  second.tryBecome(2, 'second', 1);
  const written = statSync(join(dir, 'owners'), { bigint: true }).mtimeNs;
  const seen = [first, reader].map((by) => [by.slot(1)!.beat]);
  // Even twice in one millisecond: the lock of the first one stays.
  for (let n = 2; n < 70_000; n++) {
    for (let twice = 0; twice < 2; twice++) first.beat({ job: null, place: '' }, n + 0.5);
    for (const [i, by] of [first, reader].entries()) {
      const { beat } = by.slot(1)!;
      if (beat !== n) assert.fail(`heartbeat ${n} is seen as ${beat}`);
      seen[i]!.push(beat);
    }
  }
  assert.deepEqual(seen[0], seen[1]);
  assert.equal(reader.slot(2)!.beat, 1, "not another one's");
  assert.equal(statSync(join(dir, 'owners'), { bigint: true }).mtimeNs, written);
  for (const owners of [first, second, reader]) owners.close();
  remove();
});

test('the check of a parent is seen by every process, until it is removed', () => {
  const { dir, remove } = newStateDir();
  const open = () => new Owners(host(), join(dir, 'owners'));
  const [child, parent, reader] = [open(), open(), open()];
  child.tryBecome(1, 'child', 1);
  assert.equal(reader.attendedAt(1), 0);
  for (const moment of [2, 2, 1_000]) {
    parent.attend(1, moment + 0.5);
    assert.deepEqual([reader.attendedAt(1), child.attendedAt(1), reader.attendedAt(2)], [moment, moment, 0]);
  }
  assert.equal(reader.slot(1)!.beat, 1, "the child's own beat is another one");
  parent.attend(1);
  assert.equal(reader.attendedAt(1), 0);
  for (const owners of [child, parent, reader]) owners.close();
  remove();
});

test('a long title or place does not reach into the next slot', () => {
  const { dir, remove } = newStateDir();
  const owners = new Owners(host(), join(dir, 'owners'));
  owners.tryBecome(1, 'ü'.repeat(500), 1);
  owners.beat({ job: '0'.repeat(26), place: `/${'😀'.repeat(400)}` }, 2);
  assert.equal(owners.slot(2), undefined);
  assert.equal(owners.slot(1)?.owner, 1);
  owners.close();
  remove();
});
