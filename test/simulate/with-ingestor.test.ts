/**
 * The upstream jobs of ops/simulate against a running ingestor: each delivered file is stored, or reported as a
 * duplicate. rsync, scp and logrotate: test/scenarios/upstream.test.ts, complete-rotation.test.ts.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asName } from '../world/dropping.js';
import { duplicatesTold } from '../world/jobs.js';
import { PACKAGE, type Program } from '../world/program.js';
import { skipUnlessRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const QUICKLY = ['--pause-seconds', '0.3'];

interface Case {
  script: string;
  args: string[];
  options?: Record<string, string>;
  duplicates?: number;
  sidecars?: string[];
}

const cases: Case[] = [
  // The file stays open in the pauses, for longer than the quiet window, and is not taken.
  { script: 'slow-copy', args: ['--chunks', '4', '--pause-seconds', '0.8'] },
  {
    script: 'slow-copy',
    args: ['--chunks', '6', '--pause-seconds', '0.1', '--between', 'closed'],
    options: { stabilitySeconds: '5' },
  },
  { script: 'rename-when-done', args: QUICKLY },
  { script: 'duplicate-resend', args: QUICKLY, duplicates: 1 },
  { script: 'duplicate-resend', args: ['--pause-seconds', '0'], duplicates: 1 },
  ...[[], ['--checksum', 'none'], ['--order', 'sidecar-first']].map((more) => ({
    script: 'late-sidecar',
    args: [...QUICKLY, ...more],
    options: { mode: 'sidecar' },
    sidecars: ['with-sidecar.csv.ok'],
  })),
];

async function storedAsTold(world: World, program: Program, duplicates = 0): Promise<void> {
  const told = () => world.log.named('file_ingested').length + world.log.named('file_skipped_duplicate').length;
  await until('everything delivered was logged', () => told() >= world.dropped.length);
  await world.allDone();
  assert.equal((await program.stop()).code, 0);
  world.check();
  duplicatesTold(world, duplicates);
  assert.equal(world.warehouse().length, world.dropped.length - duplicates);
}

describe('simulators', { concurrency: 2 }, () => {
  for (const { script, args, options = {}, duplicates, sidecars = [] } of cases) {
    test(`${script} ${args.join(' ')}: all of it is taken once`, async (t) => {
      const world = createWorld(t, { options });
      for (const name of sidecars) world.sidecars.add(asName(name));
      const ingest = world.start('ingest', ['--log-level', 'debug']);
      await world.event('scan_done');
      await world.simulate(script, args);
      await storedAsTold(world, ingest, duplicates);
    });
  }

  for (const kind of ['second', 'bind'] as const) {
    test(`cross-filesystem: a warehouse on its ${kind} filesystem`, async (t) => {
      if (skipUnlessRoot(t, 'a warehouse on mounts that everybody sees')) return;
      const world = createWorld(t);
      const mounts = world.launch(`${PACKAGE}ops/simulate/cross-filesystem`, [world.root], { stdin: 'pipe' });
      await until('cross-filesystem says ready', () => mounts.stdout.endsWith('ready\n'));
      const place = new RegExp(`^${kind}=(.+)$`, 'm').exec(mounts.stdout)![1]!;
      world.feed().warehouse = place;
      const ingest = world.start('ingest', ['--log-level', 'debug']);
      await world.event('scan_done');
      await world.simulate('slow-copy', ['--chunks', '2', ...QUICKLY]);
      await world.simulate('duplicate-resend', QUICKLY);
      await storedAsTold(world, ingest, 1);
      mounts.kill('SIGTERM');
      await mounts.ended;
    });
  }
});
