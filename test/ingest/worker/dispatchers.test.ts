/**
 * A feed without a chain has no cost for the stage `process`: nobody asks whether files are due there. A batch that is kept in memory
 * is small.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Backend } from '../../../queue/backend.js';
import { STAGE_NAMES, stagesUsed } from '../../../src/base/config/values/stage-names.js';
import { openState } from '../../../src/ingest/ledger/open-state.js';
import { Dispatchers } from '../../../src/ingest/worker/dispatchers.js';
import type { Worker } from '../../../src/ingest/worker/open-batch.js';
import { until } from '../../world/waiting.js';

interface Counted {
  /** How often each stage was asked for due jobs. */
  asked: Map<string, number>;
  /** The most bytes of a claim of each stage. */
  bytesMax: Map<string, unknown>;
  dispatchers: Dispatchers;
}

async function counting(t: TestContext): Promise<Counted> {
  const folder = mkdtempSync(join(tmpdir(), 'ingest-dispatchers-'));
  const real = await openState({ statePath: join(folder, 'state.db'), title: 'test', maxAttempts: 8 });
  const asked = new Map<string, number>();
  const bytesMax = new Map<string, unknown>();
  const counted = (name: string): void => void asked.set(name, (asked.get(name) ?? 0) + 1);
  const backend = new Proxy(real, {
    get(target, name) {
      const value = target[name as keyof Backend] as unknown;
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        if (name === 'claim' || name === 'nextDueMs') counted(args[0] as string);
        if (name === 'claim') bytesMax.set(args[0] as string, args[2]);
        return value.apply(target, args);
      };
    },
  });
  const worker = {
    backend,
    context: { stages: [...STAGE_NAMES], config: { service: { maxBytesPerSecond: 0 } } },
    threads: { all: { parts: { most: 2 } }, failed: assert.fail },
  } as unknown as Worker;
  const dispatchers = new Dispatchers(worker, () => async () => undefined);
  t.after(async () => {
    await dispatchers.stop();
    await real.close();
    rmSync(folder, { recursive: true });
  });
  return { asked, bytesMax, dispatchers };
}

const askedEach = (asked: ReadonlyMap<string, number>, stages: readonly string[]): boolean =>
  stages.every((stage) => (asked.get(stage) ?? 0) > 0);

test('without a chain no dispatcher asks for files to be processed; with one it does, also later', async (t) => {
  const { asked, dispatchers } = await counting(t);
  dispatchers.met({});
  dispatchers.start();
  const others = stagesUsed([]);
  await until('every other stage was asked', () => askedEach(asked, others));
  assert.equal(asked.get('process'), undefined);
  dispatchers.met({ process: {} });
  await until('it was asked for files to be processed', () => askedEach(asked, stagesUsed([{ process: {} }])));
});

test('a batch of publish has at most 64 MiB, because its files are in memory; one of hash may have more', async (t) => {
  const { bytesMax, dispatchers } = await counting(t);
  dispatchers.met({ publish: 's3://bucket' });
  dispatchers.start();
  await until('both claimed', () => bytesMax.has('publish') && bytesMax.has('hash'));
  assert.equal(bytesMax.get('publish'), 64 << 20);
  assert.equal(bytesMax.get('hash'), 256 << 20);
});
