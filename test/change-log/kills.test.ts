/**
 * Kills lose no acknowledged change; two processes record into one log while a third reads it.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type ChangeLog, createChangeLog } from '../../src/change-log/index.js';
import { dice } from '../crash/dice.js';
import { stays, until } from '../world/waiting.js';

const RECORDER = fileURLToPath(new URL('./recorder.js', import.meta.url));
const ROUNDS = Number(process.env.ROUNDS ?? 5);

interface Recorder {
  process: ChildProcess;
  /** The last acknowledged line of each key. */
  acked: Map<string, { seq: number; operation: string }>;
  ended: Promise<unknown>;
}

function start(t: TestContext, path: string, name: string): Recorder {
  const process_ = spawn(process.execPath, [RECORDER, path, name], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => process_.kill('SIGKILL'));
  const acked: Recorder['acked'] = new Map();
  let rest = '';
  process_.stdout!.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      const [seq, key, operation] = line.split(' ') as [string, string, string];
      acked.set(key, { seq: Number(seq), operation });
    }
  });
  return { process: process_, acked, ended: once(process_, 'close') };
}

/** Follows the log as a consumer; returns the last state of each key. */
async function follow(log: ChangeLog, seen: Map<string, { seq: number; operation: string }>, from: number) {
  let at = from;
  for (;;) {
    const page = await log.since(at, { limit: 20 });
    if (page.length === 0) return at;
    for (const { seq, key, operation } of page) {
      assert(seq > at);
      at = seq;
      seen.set(key.toString(), { seq, operation });
    }
    await log.ack('reader', at);
  }
}

test('nothing acknowledged is lost by kills, and a reader arrives at the last state of every key', async (t) => {
  const seed = process.env.SEED ?? String(process.pid);
  t.diagnostic(`SEED=${seed} ROUNDS=${ROUNDS}`);
  const draw = dice(seed);
  const folder = mkdtempSync(join(tmpdir(), 'change-log-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'changes.db');
  const log = await createChangeLog({ path });
  t.after(() => log.close());
  let { seq: at } = await log.register('reader');
  const seen = new Map<string, { seq: number; operation: string }>();
  let records = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const recorders = ['a', 'b'].map((name) => start(t, path, name));
    const enough = 3 + draw(40);
    await until('both have recorded', async () => {
      at = await follow(log, seen, at);
      return recorders.every(({ acked }) => acked.size >= enough);
    });
    // Killing at an acknowledgement would always hit between two commits, so the moment is random.
    await stays('both go on', () => recorders.every(({ process: one }) => one.exitCode === null), draw(30));
    for (const { process: one } of recorders) one.kill('SIGKILL');
    await Promise.all(recorders.map(({ ended }) => ended));
    at = await follow(log, seen, at);
    for (const { acked } of recorders) {
      for (const [key, { seq, operation }] of acked) {
        records++;
        const last = seen.get(key);
        // One more change may be committed without being acknowledged.
        assert(last && last.seq >= seq, `${key}: acknowledged ${seq}, read ${last?.seq}`);
        if (last.seq === seq) assert.equal(last.operation, operation, key);
      }
    }
  }
  assert(records >= ROUNDS * 6);
  assert.equal(await log.last(), at);
});
