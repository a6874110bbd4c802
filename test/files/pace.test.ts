/** Turns on one line of time: shared by all who have the file open, waited for by nobody who drains, held up by nobody who is stopped. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { spareSpot } from '../../queue/index.js';
import { Pace } from '../../src/files/pace.js';
import { bootMs, openLockFile } from '../../src/linux/index.js';

const RATE = 1_000_000;
const PIECE = 20_000;

function spotOf(t: TestContext): ReturnType<typeof spareSpot> {
  const dir = mkdtempSync(join(tmpdir(), 'pace-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return spareSpot(join(dir, 'state.db'));
}

const noDrain = () => new AbortController().signal;

test('several processes take their turns together, not each its own', async (t) => {
  const spot = spotOf(t);
  const paces = [1, 2, 3].map(() => new Pace(spot, RATE, noDrain()));
  const fromMs = bootMs();
  await Promise.all(
    paces.map(async (pace) => {
      for (let i = 0; i < 10; i++) await pace.take(PIECE);
    }),
  );
  const all = 30 * PIECE;
  const { freeAtMs } = JSON.parse(readFileSync(spot.path).toString('utf8', spot.at)) as { freeAtMs: number };
  assert.ok(freeAtMs - fromMs >= (all / RATE) * 1_000, 'the line of time is as long as all of it takes');
  const lastsMs = bootMs() - fromMs;
  assert.ok(lastsMs >= ((all - 3 * PIECE) / RATE) * 1_000, `${all} bytes took ${lastsMs} ms`);
  for (const pace of paces) pace.close();
});

test('who drains waits no longer, and is asked for nothing any more', async (t) => {
  const drain = new AbortController();
  const pace = new Pace(spotOf(t), 1, drain.signal);
  await pace.take(PIECE);
  const waiting = pace.take(PIECE);
  drain.abort();
  await waiting;
  await pace.take(PIECE);
  pace.close();
});

test('one that is stopped with the lock keeps nobody; each goes on at the pace by itself', async (t) => {
  const spot = spotOf(t);
  const stopped = openLockFile(spot.path);
  assert.ok(stopped.tryLockExclusive(spot.lock));
  const pace = new Pace(spot, RATE, noDrain());
  const fromMs = bootMs();
  for (let i = 0; i < 10; i++) await pace.take(PIECE);
  assert.ok(bootMs() - fromMs >= ((9 * PIECE) / RATE) * 1_000);
  pace.close();
  stopped.close();
});

test('what was written before a reboot, or never, is now', async (t) => {
  const spot = spotOf(t);
  const before = JSON.stringify({ boot: 'another', freeAtMs: bootMs() + 3_600_000 }).padEnd(96);
  writeFileSync(spot.path, Buffer.concat([Buffer.alloc(spot.at), Buffer.from(before)]));
  const pace = new Pace(spot, RATE, noDrain());
  await pace.take(PIECE);
  await pace.take(PIECE);
  pace.close();
});
