/**
 * The rate limit: one timeline, shared by all processes with the file open. A draining process does not wait, and a
 * stopped process delays nobody.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { spareSpot } from '../../queue/index.js';
import { RateLimit } from '../../src/files/rate-limit.js';
import { bootMs, clockEpoch, openLockFile } from '../../src/linux/index.js';

const RATE = 1_000_000;
const PIECE = 20_000;

function spotOf(t: TestContext): ReturnType<typeof spareSpot> {
  const dir = mkdtempSync(join(tmpdir(), 'rate-limit-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return spareSpot(join(dir, 'state.db'));
}

const lineAt = ({ path, at }: ReturnType<typeof spareSpot>): { freeAtMs: number } =>
  JSON.parse(readFileSync(path).toString('utf8', at)) as { freeAtMs: number };

const noDrain = () => new AbortController().signal;

test('several processes share one limit', async (t) => {
  const spot = spotOf(t);
  const throttles = [1, 2, 3].map(() => new RateLimit(spot, RATE, noDrain()));
  const fromMs = bootMs();
  await Promise.all(
    throttles.map(async (throttle) => {
      for (let i = 0; i < 10; i++) await throttle.take(PIECE);
    }),
  );
  const all = 30 * PIECE;
  const { freeAtMs } = lineAt(spot);
  assert.ok(freeAtMs - fromMs >= (all / RATE) * 1_000, 'the line of time is as long as all of it takes');
  const lastsMs = bootMs() - fromMs;
  assert.ok(lastsMs >= ((all - 3 * PIECE) / RATE) * 1_000, `${all} bytes took ${lastsMs} ms`);
  for (const throttle of throttles) throttle.close();
});

test('a draining process waits no longer, and is not limited any more', async (t) => {
  const drain = new AbortController();
  const spot = spotOf(t);
  const throttle = new RateLimit(spot, 1, drain.signal);
  await throttle.take(PIECE);
  const waiting = throttle.take(PIECE);
  drain.abort();
  await waiting;
  await throttle.take(PIECE);
  throttle.close();
  const { freeAtMs } = lineAt(spot);
  assert.ok(freeAtMs < bootMs() + 1.5 * PIECE * 1_000, 'the turn that it gave up is free again');
});

test('a process stopped while it has the lock blocks nobody; each other one continues at the limit by itself', async (t) => {
  const spot = spotOf(t);
  const stopped = openLockFile(spot.path);
  assert.ok(stopped.tryLockExclusive(spot.lock));
  const throttle = new RateLimit(spot, RATE, noDrain());
  const fromMs = bootMs();
  for (let i = 0; i < 10; i++) await throttle.take(PIECE);
  assert.ok(bootMs() - fromMs >= ((9 * PIECE) / RATE) * 1_000);
  throttle.close();
  stopped.close();
});

test('a timeline from before a reboot, or from another limit, is not waited for', async (t) => {
  for (const boot of ['another', clockEpoch()]) {
    const spot = spotOf(t);
    const before = JSON.stringify({ boot, freeAtMs: bootMs() + 3_600_000 }).padEnd(128);
    writeFileSync(spot.path, Buffer.concat([Buffer.alloc(spot.at), Buffer.from(before)]));
    const throttle = new RateLimit(spot, 1_000 * RATE, noDrain());
    await throttle.take(PIECE);
    await throttle.take(PIECE);
    throttle.close();
  }
});
