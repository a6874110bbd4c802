/** The work of a prune in one transaction is bounded, however many records are old, and the others are still found. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Backend, Tx } from '../../../queue/backend.js';
import { contentByHash, insertContent } from '../../../src/ingest/ledger/content.js';
import { openState } from '../../../src/ingest/ledger/open-state.js';
import { Pieces } from '../../../src/ingest/upkeep/pieces.js';
import { pruneHistory } from '../../../src/ingest/upkeep/prune-history.js';

const CONTENTS = 1_000;
const digest = (n: number): Buffer => createHash('sha256').update(`${n}`).digest();
const changesOf = (tx: Tx): number => tx.get<{ n: number }>('SELECT total_changes() AS n')!.n;

const insertStored = (tx: Tx, n: number): number =>
  insertContent(tx, {
    feed: 'default',
    sha256: digest(n),
    generation: 1,
    state: 'stored',
    carrier: `JOB-${n}`,
    size: 1,
    device: '1',
    inode: `${n}`,
    mtimeNs: '3',
    sourcePath: Buffer.from(`${n}.csv`),
    seal: 'lease',
    target: Buffer.from(`${n}.csv`),
    hour: '2024/01/02/03',
    ingestId: `JOB-${n}`,
    ingestedAtMs: 0,
  });

test('a transaction of a prune forgets 32 records at the most', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ingest-prune-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const statePath = join(folder, 'state.db');
  const backend = await openState({ statePath, title: 'test', maxAttempts: 8 });
  await backend.transact((tx) => {
    for (let n = 0; n < CONTENTS; n++) insertStored(tx, n);
  });
  const changed: number[] = [];
  const counting = {
    forget: (...params: Parameters<Backend['forget']>) => backend.forget(...params),
    transact: <T>(fn: (tx: Tx) => T) =>
      backend.transact((tx) => {
        const before = changesOf(tx);
        const answer = fn(tx);
        changed.push(changesOf(tx) - before);
        return answer;
      }),
  } as Backend;
  const of = { view: backend, backend: counting, beforeMs: Date.now() + 1, pieces: new Pieces(0), isOver: () => false };
  assert.deepEqual(await pruneHistory(of), { jobs: 0, records: CONTENTS });
  // Each record is removed, and what recognises its content comes in its place.
  assert.ok(Math.max(...changed) <= 2 * 32, `${Math.max(...changed)} rows`);
  assert.ok(changed.length > CONTENTS / 32, `${changed.length} transactions`);
  backend.read((r) => {
    for (let n = 0; n < CONTENTS; n++) assert.equal(contentByHash(r, 'default', digest(n))!.state, 'pruned');
  });
  await backend.close();
});
