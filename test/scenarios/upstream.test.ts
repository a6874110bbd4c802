/**
 * Upstream is not disturbed: real uploaders into a watched input, fifty times each at --stability-seconds 0 and with the
 * product's own rest after a change; every exit code is 0 and every file arrives whole.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { skipUnlessInstalled } from '../simulate/installed.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';
import { droppedAs, WATCHING } from './watching.js';

const TIMES = 50;
/** The number of uploaders that run at the same time. */
const ABREAST = 4;
/** A slow machine is not given more files at once than it seals between two deletes. */
const WAITING_MAX = 300;

/** `quietMs` has its default, so that an uploader can set times and modes by path after it has closed the file. */
const eager = { stabilitySeconds: 0, quietMs: undefined };

/** Scripts of ops/simulate with the program that they need, and how they use it. */
const SCRIPTS: [string, string, string[]][] = [
  ['rsync-like', 'rsync', ['default', 'inplace', 'partial-dir', 'delay-updates']],
  ['scp-like', 'sshd', ['legacy', 'sftp']],
];

const TOOLS: Record<string, string[]> = {
  install: ['install', '-p', '-m', '0640'],
  'cp -p': ['cp', '-p'],
  mv: ['mv'],
};

const run = promisify(execFile);

async function byTool(world: World, tool: string, [program, ...flags]: string[]): Promise<void> {
  const sources = join(world.root, `sources of ${tool}`);
  mkdirSync(sources);
  for (let n = 1; n <= TIMES; n++) {
    const [name, content] = [`${tool}-${n}.csv`, world.content(20_000)];
    writeFileSync(join(sources, name), content);
    utimesSync(join(sources, name), 1_000_000_000, 1_000_000_000);
    await run(program!, [...flags, join(sources, name), join(world.input, name)]); // throws unless it ended with 0
    world.dropped.push(droppedAs(name, content));
  }
}

function uploads(t: TestContext, world: World): Promise<void>[] {
  const scripts = SCRIPTS.flatMap(([script, program, ways]) =>
    ways.map((how) =>
      t.test(`${script} --how ${how}`, async (t) => {
        if (skipUnlessInstalled(t, program, `uploads by ${program}`)) return;
        const args = ['--how', how, '--times', `${TIMES}`, '--bytes', '20000', '--name', `${how}.csv`];
        assert.equal((await world.simulate(script, args)).length, TIMES);
      }),
    ),
  );
  const tools = Object.entries(TOOLS).map(([tool, words]) => t.test(tool, () => byTool(world, tool, words)));
  return [...scripts, ...tools];
}

for (const [watching, options] of Object.entries(WATCHING)) {
  test(`${TIMES} uploads by each uploader end with 0 and arrive whole (${watching})`, {
    concurrency: ABREAST,
  }, async (t) => {
    const world = createWorld(t, { options: { ...eager, ...options } });
    world.start('ingest');
    await world.event('worker_started', undefined);
    await Promise.all(uploads(t, world));
    await world.stored();
    await world.stop();
    world.check();
    assert.equal(world.manifest().length, world.dropped.length);
    t.diagnostic(`${world.dropped.length} files`);
  });

  test(`rsync -a --delete onto the input in the middle of ingesting removes nothing that was sealed (${watching})`, async (t) => {
    if (skipUnlessInstalled(t, 'rsync', 'an rsync that deletes in the input')) return;
    const world = createWorld(t, { options: { stabilitySeconds: 1, ...options } });
    const ready = () => world.log.named('file_ready').length;
    world.start('ingest');
    await world.event('worker_started', undefined);
    const paused = await world.run('ingest-ctl', ['pause', 'hash']);
    assert.equal(paused.code, 0, paused.stderr);
    for (let n = 0; n < 100; n++) world.drop(`sealed-${n}.csv`, 5_000);
    await until('a hundred files sealed', () => ready() === 100);
    for (let n = 0; n < 50; n++) world.drop(`in-its-window-${n}.csv`, 5_000, { optional: true });

    await world.simulate('rsync-like', ['--how', 'delete']);
    await until('each sealed file is logged', () => world.underprocess().length === ready());
    assert(world.survey().input.length < 51, 'rsync deleted nothing: this test tests nothing');
    await world.run('ingest-ctl', ['resume', 'hash']);
    await world.event('file_ingested', (e) => String(e.path).endsWith('rsync.csv'));
    await world.stored(101);
    await world.allDone();
    await world.stop();
    world.check();
    assert.equal(world.warehouse().length, ready());
  });

  test(`rsync -a --delete again and again while files come and are sealed loses none of these (${watching})`, async (t) => {
    if (skipUnlessInstalled(t, 'rsync', 'an rsync that deletes in the input')) return;
    const world = createWorld(t, { options: { stabilitySeconds: 0.2, quietMs: 0, ...options } });
    const ready = () => world.log.named('file_ready').length;
    world.start('ingest');
    await world.event('worker_started', undefined);
    let n = 0;
    const timer = setInterval(() => {
      if (readdirSync(world.input).length < WAITING_MAX) world.drop(`${n++}.csv`, 5_000, { optional: true });
    }, 3);
    t.after(() => clearInterval(timer));
    for (let round = 0; round < 8; round++) {
      const before = ready();
      await until('files were sealed', () => ready() > before);
      await world.simulate('rsync-like', ['--how', 'delete', '--name', `sent-${round}.csv`]);
    }
    clearInterval(timer);
    await until('the input is empty', () => readdirSync(world.input).length === 0);
    await world.allDone();
    await world.stop();
    // An rsync deletes a file of the rsync before it, if that file was not sealed yet.
    for (const dropped of world.dropped) dropped.optional = true;
    world.check();
    assert.equal(world.warehouse().length, ready());
    assert(ready() < world.dropped.length, 'rsync deleted nothing: this test tests nothing');
    t.diagnostic(
      `${world.warehouse().length} of ${world.dropped.length} files were sealed before they could be deleted`,
    );
  });
}
