/** The parent and its children: restart, drain, stop, stall, and who dies with whom. Real processes throughout. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { canMake, loopMount, unmount } from '../../world/mounts.js';
import { isRoot } from '../../world/users.js';
import { until } from '../../world/waiting.js';
import { childOf, Family, isAlive, livesIn, tempFolder } from './family.js';

test('a child that dies is started again, the others live on', async (t) => {
  const family = new Family(t, 'dies-once');
  family.supervisor.start();
  await family.told('worker_started', 4);
  assert.equal(family.pidsOf('producer').length, 2);
  assert.equal(family.pidsOf('hash').length, 1);
  assert.equal(family.pidsOf('move').length, 1);
  const [lost] = family.of('worker_lost');
  assert.equal(lost?.worker, 'producer');
  assert.equal(lost?.signal, 'SIGKILL');
});

test('a child that ends with 3 is not started again: the others drain, and its sentence and code are passed on', async (t) => {
  const family = new Family(t, 'refuses');
  family.supervisor.start();
  const ended = await family.supervisor.done;
  assert.equal(ended.exitCode, 3);
  assert.equal(ended.reason, 'the state was replaced; stop everything that uses it.');
  assert.equal(family.pidsOf('producer').length, 1);
  assert.equal(family.of('worker_lost').length, 0);
});

test('a service whose state a newer build has changed ends with 1, so that systemd starts that build', async (t) => {
  const family = new Family(t, 'finds-newer');
  family.supervisor.start();
  const { exitCode, reason } = await family.supervisor.done;
  assert.equal(exitCode, 1);
  assert.equal(reason, 'the state was written by a newer version of this program.');
});

test('a child that starts again while the disk of the state is full, or a folder read-only, is tried until there is room; the others go on', async (t) => {
  const family = new Family(t, 'full-disk');
  family.supervisor.start();
  await family.told('worker_started', 4);
  assert.equal(family.pidsOf('producer').length, 7);
  assert.deepEqual([family.pidsOf('hash').length, family.pidsOf('move').length], [1, 1]);
  assert.match(String(family.of('worker_lost')[3]?.reason), /disk of the state is full/);
});

test('drain ends every child and answers 0, also when it is asked for twice', async (t) => {
  const family = new Family(t, 'steady');
  family.supervisor.start();
  family.supervisor.start();
  await family.told('worker_started', 3);
  family.supervisor.drain();
  family.supervisor.drain();
  assert.deepEqual(await family.supervisor.done, { exitCode: 0 });
  assert.equal(livesIn(family.folder).length, 3);
  assert.ok(livesIn(family.folder).every(({ pid }) => !isAlive(pid)));
});

test('a child that has drained but hangs in a place at its exit counts as drained', async (t) => {
  const family = new Family(t, 'hangs-at-exit');
  family.supervisor.start();
  await family.told('worker_started', 3);
  family.supervisor.drain();
  assert.deepEqual(await family.supervisor.done, { exitCode: 0 });
});

test('a drain that does not end reports the children that hang and their jobs; stop ends it and counts no crash', async (t) => {
  const family = new Family(t, 'stubborn');
  family.supervisor.start();
  await family.told('worker_started', 3);
  family.supervisor.drain();
  const waiting = await family.told('drain_waiting', 3);
  assert.deepEqual(new Set(waiting.map(({ worker }) => worker)), new Set(['producer', 'worker hash', 'worker move']));
  assert.equal(waiting[0]?.job, '01JOBINHAND');
  assert.equal(waiting[0]?.place, '/mnt/warehouse');
  family.supervisor.stop();
  family.supervisor.stop();
  await family.supervisor.done;
  for (const role of ['producer', 'hash', 'move']) assert.ok(existsSync(join(family.folder, `cleared-${role}`)), role);
});

test('a child without heartbeats is killed after --stall-seconds and replaced, the others are not', async (t) => {
  const family = new Family(t, 'goes-silent', 6);
  family.supervisor.start();
  const [stalled] = await family.told('worker_stalled');
  assert.equal(stalled?.worker, 'producer');
  assert.equal(stalled?.job, '01STUCK');
  assert.equal(stalled?.quiet_seconds, 6);
  await family.told('worker_started', 4);
  const [first, second] = family.pidsOf('producer');
  assert.equal(isAlive(first!), false);
  assert.equal(isAlive(second!), true);
  assert.equal(family.pidsOf('hash').length, 1);
  assert.equal(family.pidsOf('move').length, 1);
});

test('a child that a frozen filesystem keeps from ending is replaced beside it', {
  skip:
    !(isRoot && canMake('ext4')) && 'a child that SIGKILL does not end was not tested: that needs root and mkfs.ext4',
}, async (t) => {
  const family = new Family(t, 'freezes', 6);
  const disk = join(family.folder, 'disk');
  mkdirSync(disk);
  loopMount(disk);
  execFileSync('fsfreeze', ['-f', disk]);
  try {
    family.supervisor.start();
    const [unkillable] = await family.told('worker_unkillable');
    await family.told('worker_started', 4);
    const [first, second] = family.pidsOf('producer');
    assert.equal(unkillable?.worker_pid, first);
    assert.deepEqual([isAlive(first!), isAlive(second!)], [true, true]);
  } finally {
    execFileSync('fsfreeze', ['-u', disk]);
  }
  await until('the first one ends', () => !isAlive(family.pidsOf('producer')[0]!));
  unmount(disk);
});

test('a child that brings a large state up to date takes as long as it takes', async (t) => {
  const family = new Family(t, 'migrates', 4);
  family.supervisor.start();
  await family.told('worker_started', 3);
  assert.equal(family.of('worker_stalled').length, 0);
  assert.equal(family.of('state_migrates').length, 1, 'said once');
});

test('a child that never gets ready ends the service with exit code 1', async (t) => {
  const family = new Family(t, 'never-ready');
  family.supervisor.start();
  const ended = await family.supervisor.done;
  assert.equal(ended.exitCode, 1);
  assert.match(ended.reason ?? '', /died 5 times before it was ready/);
});

test('--once drains the rest when the producer is done, and ends with 4 where files are held', async (t) => {
  const family = new Family(t, 'once');
  family.supervisor.start();
  const ended = await family.supervisor.done;
  assert.equal(ended.exitCode, 4);
  assert.deepEqual(ended.once?.held.names, ['bad.csv']);
  assert.deepEqual(ended.once?.withoutSidecar.names, ['lonely.csv']);
  assert.equal(family.pidsOf('producer').length, 1);
});

/** A parent as a process of its own, with its events. */
async function parentProcess(t: import('node:test').TestContext, child: string) {
  const folder = tempFolder(t);
  const parent = spawn(process.execPath, [childOf('parent'), child, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    parent.on('exit', (code, signal) => resolve({ code, signal })),
  );
  t.after(async () => {
    parent.kill('SIGKILL');
    await ended;
  });
  const events: string[] = [];
  createInterface(parent.stdout).on('line', (line) => events.push(JSON.parse(line).event));
  const seen = (event: string, count = 1) =>
    until(`${count} × ${event}`, () => events.filter((e) => e === event).length >= count);
  await seen('worker_started', 3);
  return { parent, folder, ended, seen, pids: livesIn(folder).map(({ pid }) => pid) };
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  test(`${signal} drains and exits 0, although the children get it too`, async (t) => {
    const { parent, ended, pids } = await parentProcess(t, 'steady');
    for (const pid of pids) process.kill(pid, signal);
    parent.kill(signal);
    assert.deepEqual(await ended, { code: 0, signal: null });
    assert.ok(pids.every((pid) => !isAlive(pid)));
  });
}

test('a second signal stops at once', async (t) => {
  const { parent, ended, seen, pids } = await parentProcess(t, 'stubborn');
  parent.kill('SIGTERM');
  await seen('draining');
  assert.ok(pids.every(isAlive));
  parent.kill('SIGINT');
  assert.deepEqual(await ended, { code: 130, signal: null });
  assert.ok(pids.every((pid) => !isAlive(pid)));
});

test('a parent that is SIGKILLed takes its children with it, a stopped one too', async (t) => {
  const { parent, pids } = await parentProcess(t, 'stubborn');
  process.kill(pids[1]!, 'SIGSTOP');
  parent.kill('SIGKILL');
  await until('all children die', () => pids.every((pid) => !isAlive(pid)));
});
