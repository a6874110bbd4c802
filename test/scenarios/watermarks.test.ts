/**
 * Watermarks on real small filesystems: work that fills one stops before it is full, is logged once, and goes on by itself. No file
 * is lost, none is half written. Needs root to mount them.
 */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Watermarks } from '../../src/ingest/health/watermarks.js';
import { openState } from '../../src/ingest/ledger/open-state.js';
import type { Report } from '../../src/service/status/report.js';
import type { Options } from '../world/layout.js';
import { tmpfsMount } from '../world/mounts.js';
import { skipUnlessRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';
import { KiB, noAttemptSpent } from './trouble.js';

const MiB = 1024 * KiB;
const MARK = 8 * MiB;
const CONCURRENTLY = { concurrency: 3 };

interface Low {
  place: 'warehouse' | 'manifests' | 'state';
  code: 'low_space' | 'low_inodes';
  options: Options;
  mount?: string[];
  /** In the folder that is mounted. */
  breaks(folder: string): void;
  repairs(folder: string): void;
  /** True when the twenty files that came while the gate was closed are as far as they may be. */
  stands(world: World): boolean;
}

const ballast = {
  breaks: (folder: string) => writeFileSync(join(folder, 'ballast'), Buffer.alloc(bytesFree(folder) - MARK / 2)),
  repairs: (folder: string) => rmSync(join(folder, 'ballast')),
};

function bytesFree(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

async function stopsAndGoesOn(t: TestContext, low: Low): Promise<void> {
  if (skipUnlessRoot(t, `a ${low.place} with ${low.code}`)) return;
  const world = createWorld(t, { options: low.options });
  const folder = low.place === 'state' ? join(world.root, 'state') : world.feed()[low.place];
  mkdirSync(folder, { recursive: true });
  tmpfsMount(folder, { size: '32m', options: low.mount ?? [] });
  world.start('ingest');
  world.drop('before.csv', 2_000);
  await world.stored(1);
  low.breaks(folder);
  const closed = await world.event('gate_closed');
  assert.deepEqual([closed.place, closed.code], [low.place, low.code]);
  for (let i = 0; i < 20; i++) world.drop(`during ${i}.csv`, 2_000);
  await until('them to stand where they should', () => low.stands(world));
  const { findings } = JSON.parse((await world.run('queue-stat', ['--json'])).stdout) as Report;
  assert.ok(
    findings.some(({ code, severity, sentence }) => code === low.code && severity === 'stuck' && /free/.test(sentence)),
    JSON.stringify(findings),
  );
  assert.equal(world.log.named('file_ingested').length, 1, 'nothing was stored meanwhile');
  low.repairs(folder);
  await world.stored();
  await world.allDone();
  await world.event('gate_opened', (event) => event.place === low.place);
  assert.equal(world.log.named('gate_closed').length, 1, 'logged once');
  noAttemptSpent(world);
  await world.stop();
  world.check();
}

const allIn = (stage: string) => (world: World) =>
  world.jobs().filter((job) => job.stage === stage && job.state === 'ready').length === 20;

describe('below a watermark', CONCURRENTLY, () => {
  test('the warehouse: files are hashed and have their lines, and wait for move', (t) =>
    stopsAndGoesOn(t, {
      place: 'warehouse',
      code: 'low_space',
      options: { minFreeBytes: MARK },
      ...ballast,
      stands: allIn('move'),
    }));

  test('the manifests: files are hashed and wait for their lines', (t) =>
    stopsAndGoesOn(t, {
      place: 'manifests',
      code: 'low_space',
      options: { minFreeBytes: MARK },
      ...ballast,
      stands: allIn('manifest'),
    }));

  test('inodes of the warehouse', (t) =>
    stopsAndGoesOn(t, {
      place: 'warehouse',
      code: 'low_inodes',
      options: { minFreeInodes: 100 },
      mount: ['nr_inodes=300'],
      breaks: (folder) => {
        mkdirSync(join(folder, 'many'));
        for (let i = 0; i < 220; i++) writeFileSync(join(folder, 'many', `${i}`), '');
      },
      repairs: (folder) => rmSync(join(folder, 'many'), { recursive: true }),
      stands: allIn('move'),
    }));

  test('the state: nothing new is written there, and files stay in the input', (t) =>
    stopsAndGoesOn(t, {
      place: 'state',
      code: 'low_space',
      options: { stateMinFreeBytes: MARK },
      ...ballast,
      stands: (world) =>
        world.log.named('delivery_failing').length === 1 && world.jobs().every(({ state }) => state === 'done'),
    }));
});

test('a gate at a watermark opens only well above it; it opens at once when the watermark is no longer set', async (t) => {
  if (skipUnlessRoot(t, 'the distance above a watermark at which its gate opens')) return;
  const world = createWorld(t);
  const { warehouse } = world.feed();
  tmpfsMount(warehouse, { size: '32m' });
  world.drop('a.csv', 100);
  await world.runOnce(['--min-free-bytes', String(MARK)]);
  const backend = await openState({ statePath: world.statePath, title: 'test', maxAttempts: 8 });
  t.after(() => backend.close());
  const told: string[] = [];
  const marks = new Watermarks(
    backend,
    { statePath: world.statePath, stateMinFreeBytes: 0 },
    (event) => void told.push(event),
  );
  await marks.check();
  const leave = async (bytes: number): Promise<string[]> => {
    rmSync(join(warehouse, 'ballast'), { force: true });
    writeFileSync(join(warehouse, 'ballast'), Buffer.alloc(bytesFree(warehouse) - bytes));
    await marks.check();
    return backend.gates().map(({ stage, code }) => `${stage} ${code}`);
  };
  assert.deepEqual(await leave(MARK + 64 * KiB), [], 'not reached');
  assert.deepEqual(await leave(MARK - 64 * KiB), ['move low_space']);
  assert.deepEqual(await leave(MARK + 64 * KiB), ['move low_space'], 'not far enough above it');
  assert.deepEqual(await leave(MARK * 1.1), []);
  assert.deepEqual(await leave(MARK - 64 * KiB), ['move low_space']);
  const [feed] = backend.feeds();
  await backend.putFeed(feed!.name, { ...feed!.options, minFreeBytes: 0 });
  await marks.check();
  assert.deepEqual(backend.gates(), []);
  assert.deepEqual(told, ['gate_closed', 'gate_opened', 'gate_closed', 'gate_opened']);
});
