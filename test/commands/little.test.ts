/** What a command that answers at once does not spend its time on, and how it ends when nobody reads its answer. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { openState } from '../../src/ledger/open-state.js';
import { PACKAGE } from '../world/program.js';
import { createWorld, type World } from '../world/world.js';

const QUEUE_STAT = join(PACKAGE, 'bin/queue-stat');
/** Each takes from half a millisecond to three, where a look takes ten. */
const UNUSED = ['assert', 'child_process', 'crypto', 'http', 'net', 'perf_hooks', 'stream', 'worker_threads', 'zlib'];

async function worldWithState(t: TestContext): Promise<World> {
  const world = createWorld(t);
  const state = await openState({ statePath: world.statePath, title: 'test', maxAttempts: 1 });
  await state.close();
  return world;
}

test('queue-stat loads nothing of Node that it does not use', async (t) => {
  const world = await worldWithState(t);
  const probe = join(world.root, 'probe.cjs');
  const empty = join(world.root, 'empty.cjs');
  writeFileSync(
    probe,
    `process.on('exit', () => require('node:fs').writeFileSync(process.env.LOADED, JSON.stringify(process.moduleLoadList)));`,
  );
  writeFileSync(empty, '');
  const loadedBy = (script: string, ...args: string[]): Set<string> => {
    const list = join(world.root, 'loaded.json');
    execFileSync(process.execPath, ['-r', probe, script, ...args], { env: { ...process.env, LOADED: list } });
    return new Set(JSON.parse(readFileSync(list, 'utf8')) as string[]);
  };
  const anyway = loadedBy(empty);
  const loaded = loadedBy(QUEUE_STAT, '--state-path', world.statePath);
  assert.ok(loaded.has('NativeModule vm'), 'it runs out of its one file');
  const isNew = (name: string): boolean => loaded.has(`NativeModule ${name}`) && !anyway.has(`NativeModule ${name}`);
  assert.deepEqual(UNUSED.filter(isNew), []);
});

test('a command whose reader has gone ends without a word', async (t) => {
  const world = await worldWithState(t);
  const command = spawn(QUEUE_STAT, ['--state-path', world.statePath], { stdio: ['ignore', 'pipe', 'pipe'] });
  command.stdout.destroy();
  const [said, [code]] = await Promise.all([text(command.stderr), once(command, 'exit')]);
  assert.deepEqual([said, code], ['', 0]);
});
