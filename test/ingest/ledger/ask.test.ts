/** The ledger keeps the values of a content exactly, for its later line. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Backend, Outcome, Tx } from '../../../queue/backend.js';
import { askLedger } from '../../../src/ingest/ledger/ask.js';
import { contentByHash } from '../../../src/ingest/ledger/content.js';
import { nextOfContent } from '../../../src/ingest/ledger/exceptions.js';
import { openState } from '../../../src/ingest/ledger/open-state.js';
import { type JobFacts, payloadOf } from '../../../src/ingest/rules/facts.js';

async function openedState(t: TestContext): Promise<Backend> {
  const folder = mkdtempSync(join(tmpdir(), 'ingest-ledger-'));
  const backend = await openState({ statePath: join(folder, 'state.db'), title: 'test', maxAttempts: 8 });
  t.after(async () => {
    await backend.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return backend;
}

const factsOf = (identity: string, sha256: string): JobFacts => ({
  seen: { identity, sinceMs: 0, boot: '', by: 'scan' },
  sealed: { identity, kind: 'lease' },
  sha256,
});

async function asked(backend: Backend, name: string, facts: JobFacts) {
  const seen = { feed: 'default', key: Buffer.from(name), identity: 'i', bytes: 1, payload: {}, dueInMs: 0 };
  await backend.enqueue([{ ...seen, payload: payloadOf(facts) }]);
  const [job] = await backend.claim('verify-complete', 1);
  const [answer] = await backend.settle([
    { job: job!, outcome: (tx, claimed) => askLedger(tx, claimed, facts, { sameContentAgainAfterMs: 0 }) },
  ]);
  assert.ok(answer!.settled);
  return { job: backend.job(job!.id)!, outcome: answer!.outcome };
}

const SHA = 'cd'.repeat(32);

test('device, inode and mtime are kept to the last digit, beyond 63 bits and before 1970', async (t) => {
  const backend = await openedState(t);
  const cases = [
    ['18446744073709551615', '18446744073709551614', '13569465600000000001'],
    ['9223372036854775808', '9007199254740993', '-9223372036854775808999'],
    ['1', '2', '1700000000999999999'],
  ] as const;
  for (const [i, [device, inode, mtimeNs]] of cases.entries()) {
    const sha256 = i.toString(16).padStart(64, '0');
    const { outcome } = await asked(backend, `${i}`, factsOf(`${device}:${inode}:5:${mtimeNs}:6`, sha256));
    assert.equal(outcome.kind, 'advance');
    const kept = backend.read((r) => contentByHash(r, 'default', Buffer.from(sha256, 'hex')))!;
    assert.deepEqual([kept.device, kept.inode, kept.mtimeNs, kept.size], [device, inode, mtimeNs, 5]);
  }
});

test('the view of the state shows whole seconds, rounded down', async (t) => {
  const backend = await openedState(t);
  await asked(backend, 'a', factsOf('1:2:5:1700000000999999999:6', SHA));
  await asked(backend, 'b', factsOf('1:3:5:-1:6', '12'.repeat(32)));
  const rows = backend.read((r) => r.all<{ mtime: number }>("SELECT * FROM ingestion_state WHERE state = 'HASHED'"));
  assert.deepEqual(
    rows.map(({ mtime }) => mtime),
    [1_700_000_000, -1],
  );
});

test('a twin waits, and its size is the hashed size, not the size at its enqueueing', async (t) => {
  const backend = await openedState(t);
  const first = await asked(backend, 'a', factsOf('1:2:500:3:4', SHA));
  assert.deepEqual([first.job.state, first.job.bytes], ['ready', 500]);
  const twin = await asked(backend, 'b', factsOf('1:3:500:3:4', SHA));
  assert.deepEqual([twin.job.state, twin.job.bytes], ['waiting', 500]);
});

test('a clock that went back makes no new delivery of a drop that was there before', async (t) => {
  const backend = await openedState(t);
  await asked(backend, 'a', factsOf('1:2:5:1700000000000000000:6', SHA));
  const content = backend.read((r) => contentByHash(r, 'default', Buffer.from(SHA, 'hex')))!;
  await backend.enqueue([{ feed: 'default', key: Buffer.from('b'), identity: 'i', bytes: 1, payload: {}, dueInMs: 0 }]);
  const [job] = await backend.claim('verify-complete', 1);
  const HOUR_MS = 3_600_000;
  const comes: (number | undefined)[] = [];
  const ask = (tx: Tx): Outcome => {
    const again = (arrivedAtMs: number, lastMs: number) =>
      nextOfContent(
        tx,
        { ...content, state: 'stored', ingestedAtMs: lastMs },
        { arrivedAtMs, againAfterMs: HOUR_MS, nowMs: tx.wallMs },
      )?.generation;
    comes.push(again(tx.wallMs + 2 * HOUR_MS, tx.wallMs - 1_000), again(tx.wallMs, tx.wallMs - 2 * HOUR_MS));
    return { kind: 'drop', why: 'asked' };
  };
  await backend.settle([{ job: job!, outcome: ask }]);
  assert.deepEqual(comes, [undefined, 2]);
});
