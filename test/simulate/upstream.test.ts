/** Upstream is not disturbed: real uploaders at --stability-seconds 0, fifty times each; every exit code is 0. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { nameOfText } from '../../src/linux/names.js';
import { sha256 } from '../world/dropping.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';
import { skipUnlessInstalled } from './installed.js';

const TIMES = 50;

/** The product's own rest after a change (--settle-ms), not the short one of other tests. */
const eager = { stabilitySeconds: 0, settleMs: undefined };

async function allArrive(world: World): Promise<void> {
  await world.stored(TIMES, { withinMs: 60_000 });
  await world.stop();
  world.check();
  assert.equal(world.manifest().length, TIMES);
}

const scripts: [string, string, string][] = [
  ...['default', 'inplace', 'partial-dir', 'delay-updates'].map(
    (how) => ['rsync', 'rsync-like', how] as [string, string, string],
  ),
  ...['legacy', 'sftp'].map((how) => ['sshd', 'scp-like', how] as [string, string, string]),
];

for (const [program, script, how] of scripts) {
  test(`${TIMES} uploads by ${script} --how ${how} end with 0 and arrive whole`, async (t) => {
    if (skipUnlessInstalled(t, program, `uploads by ${script}`)) return;
    const world = createWorld(t, { options: eager });
    world.start('ingest');
    const delivered = await world.simulate(script, ['--how', how, '--times', `${TIMES}`, '--bytes', '20000']);
    assert.equal(delivered.length, TIMES);
    await allArrive(world);
  });
}

const tools: Record<string, (source: string, target: string) => void> = {
  install: (source, target) => void execFileSync('install', ['-m', '0640', source, target], { stdio: 'pipe' }),
  'cp -p': (source, target) => void execFileSync('cp', ['-p', source, target], { stdio: 'pipe' }),
  mv: (source, target) => void execFileSync('mv', [source, target], { stdio: 'pipe' }),
};

for (const [tool, upload] of Object.entries(tools)) {
  test(`${TIMES} uploads by ${tool} end with 0 and arrive whole`, async (t) => {
    const world = createWorld(t, { options: eager });
    world.start('ingest');
    for (let n = 1; n <= TIMES; n++) {
      const content = world.content(20_000);
      const source = join(world.root, `source-${n}`);
      writeFileSync(source, content);
      upload(source, join(world.input, `${n}.csv`)); // throws unless it ended with 0
      world.dropped.push({
        feed: 'default',
        name: nameOfText(`${n}.csv`),
        sha256: sha256(content),
        bytes: content.length,
        optional: false,
      });
    }
    await allArrive(world);
  });
}

test('rsync -a --delete onto the input in the middle of ingesting removes nothing that was sealed', async (t) => {
  if (skipUnlessInstalled(t, 'rsync', 'an rsync that deletes in the input')) return;
  const world = createWorld(t, { options: { stabilitySeconds: 1 } });
  world.start('ingest');
  await world.event('worker_started');
  const paused = await world.run('ingest-ctl', ['pause', 'hash']);
  assert.equal(paused.code, 0, paused.stderr);
  const ready = () => world.log.named('file_ready').length;
  for (let n = 0; n < 100; n++) world.drop(`sealed-${n}.csv`, 5_000);
  await until('a hundred files sealed', () => ready() === 100);
  for (let n = 0; n < 50; n++) world.drop(`in-its-window-${n}.csv`, 5_000, { optional: true });

  await world.simulate('rsync-like', ['--how', 'delete']);
  assert.equal(world.underprocess().length, ready());
  assert(world.survey().input.length < 51, 'rsync deleted nothing: this test tests nothing');
  await world.run('ingest-ctl', ['resume', 'hash']);
  await world.event('file_ingested', (e) => String(e.path).endsWith('rsync.csv'));
  await world.stored(101);
  await world.stop();
  world.check();
  assert.equal(world.warehouse().length, ready());
});
