/** Alarms beside a whole ingest: the sender and the receivers may die, hang or be away, and no file waits for them. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Message } from '../../src/service/alarms/message.js';
import { Web } from '../service/alarms/receiver.js';
import { signal } from '../world/program.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

/** A command that writes each message that it gets as a line. */
function keeping(world: World): { path: string; told: () => string[] } {
  const [path, kept] = [join(world.root, 'tell'), join(world.root, 'kept')];
  writeFileSync(path, `#!/bin/sh\ncat >> '${kept}'\n`);
  chmodSync(path, 0o755);
  // Whole lines only: the last one may be incomplete.
  const lines = () => (existsSync(kept) ? readFileSync(kept, 'utf8').split('\n').slice(0, -1) : []);
  return { path, told: () => lines().flatMap(toldIn) };
}

const FEW_PAGES = 64 * 1_024;

/** The bytes that all its calls have written so far, proc(5). */
function bytesWritten(pid: number): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))![1]);
}

const toldIn = (line: string): string[] =>
  (JSON.parse(line) as Message).alarms.map(({ event, code }) => `${event} ${code}`);

describe('beside a whole ingest', { concurrency: true }, () => {
  test('a receiver that hangs and a notifier that is killed: every file goes on, each alarm is sent, none twice', async (t) => {
    const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0, maxBytes: 1_000 } });
    const web = await Web.open(t);
    web.answer = undefined;
    const { path, told } = keeping(world);
    world.start('ingest', ['--notify-command', path, '--notify-webhook', web.url]);
    const notifier = async (life: number) =>
      (await world.event(
        'worker_started',
        (event) => event.worker === 'notifier' && event.owner !== life,
      )) as unknown as {
        worker_pid: number;
        owner: number;
      };
    const first = await notifier(0);
    const large = world.drop('too large.csv', 2_000);
    await until('both receivers to get an alarm', () => web.bodies.length > 0 && told().length > 0);
    const before = bytesWritten(first.worker_pid);
    for (let i = 0; i < 300; i++) world.drop(`${i}.csv`, 100);
    await world.stored(300);
    // At most the failure of the receiver is written: a few pages, once. 300 files write a hundred times that.
    const written = bytesWritten(first.worker_pid) - before;
    assert.ok(written < FEW_PAGES, `${written} bytes were written by the notifier`);
    signal(first.worker_pid, 'SIGKILL');
    await notifier(first.owner);
    web.answer = (response) => void response.writeHead(204).end();
    const unanswered = web.told.length;
    const both = () => [told(), web.told.slice(unanswered)];
    await until('both receivers to get the loss of the process', () =>
      both().every((one) => one.includes('began worker_lost')),
    );
    for (const one of both()) assert.deepEqual(one, ['began too_large', 'began worker_lost']);
    world.held.add(large.sha256);
    await world.stop();
    world.check();
  });

  test('--once sends its alarms before it ends, and the next run sends the end of those that are over', async (t) => {
    const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0, maxBytes: 1_000 } });
    const { path, told } = keeping(world);
    const args = ['--notify-command', path];
    world.drop('too large.csv', 2_000);
    await world.runOnce(args, { code: 4 });
    assert.deepEqual(told(), ['began too_large']);
    await world.runOnce(args, { code: 4 });
    assert.deepEqual(told(), ['began too_large']);
    rmSync(join(world.input, 'too large.csv'));
    assert.equal((await world.run('ingest-ctl', ['retry', '--all'])).code, 0);
    await world.runOnce(args);
    assert.deepEqual(told(), ['began too_large', 'ended too_large']);
  });
});
