/** Turns on one line of time: shared by all who have the file open, waited for by nobody who drains, held up by nobody who is stopped. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { spareSpot } from '../../queue/index.js';
import { RateLimit } from '../../src/files/rate-limit.js';
import { bootId, bootMs, openLockFile } from '../../src/linux/index.js';

const RATE = 1_000_000;
const PIECE = 20_000;

function spotOf(t: TestContext): ReturnType<typeof spareSpot> {
  const dir = mkdtempSync(join(tmpdir(), 'pace-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return spareSpot(join(dir, 'state.db'));
}

const lineAt = ({ path, at }: ReturnType<typeof spareSpot>): { freeAtMs: number } =>
  JSON.parse(readFileSync(path).toString('utf8', at)) as { freeAtMs: number };

const noDrain = () => new AbortController().signal;

test('several processes take their turns together, not each its own', async (t) => {
  const spot = spotOf(t);
  const paces = [1, 2, 3].map(() => new RateLimit(spot, RATE, noDrain()));
  const fromMs = bootMs();
  await Promise.all(
    paces.map(async (pace) => {
      for (let i = 0; i < 10; i++) await pace.take(PIECE);
    }),
  );
  const all = 30 * PIECE;
  const { freeAtMs } = lineAt(spot);
  assert.ok(freeAtMs - fromMs >= (all / RATE) * 1_000, 'the line of time is as long as all of it takes');
  const lastsMs = bootMs() - fromMs;
  assert.ok(lastsMs >= ((all - 3 * PIECE) / RATE) * 1_000, `${all} bytes took ${lastsMs} ms`);
  for (const pace of paces) pace.close();
});

test('who drains waits no longer, and is asked for nothing any more', async (t) => {
  const drain = new AbortController();
  const spot = spotOf(t);
  const pace = new RateLimit(spot, 1, drain.signal);
  await pace.take(PIECE);
  const waiting = pace.take(PIECE);
  drain.abort();
  await waiting;
  await pace.take(PIECE);
  pace.close();
  const { freeAtMs } = lineAt(spot);
  assert.ok(freeAtMs < bootMs() + 1.5 * PIECE * 1_000, 'the turn that it gave up is free again');
});

test('one that is stopped with the lock keeps nobody; each goes on at the pace by itself', async (t) => {
  const spot = spotOf(t);
  const stopped = openLockFile(spot.path);
  assert.ok(stopped.tryLockExclusive(spot.lock));
  const pace = new RateLimit(spot, RATE, noDrain());
  const fromMs = bootMs();
  for (let i = 0; i < 10; i++) await pace.take(PIECE);
  assert.ok(bootMs() - fromMs >= ((9 * PIECE) / RATE) * 1_000);
  pace.close();
  stopped.close();
});

test('nobody waits for a line of before the reboot, or that somebody left at another pace', async (t) => {
  for (const boot of ['another', bootId()]) {
    const spot = spotOf(t);
    const before = JSON.stringify({ boot, freeAtMs: bootMs() + 3_600_000 }).padEnd(96);
    writeFileSync(spot.path, Buffer.concat([Buffer.alloc(spot.at), Buffer.from(before)]));
    const pace = new RateLimit(spot, 1_000 * RATE, noDrain());
    await pace.take(PIECE);
    await pace.take(PIECE);
    pace.close();
  }
});
