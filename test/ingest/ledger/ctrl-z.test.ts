/** A process that Ctrl-Z stops holds no transaction: the others go on. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { isStopped } from '../../queue/processes.js';
import { isWriteLocked } from '../../world/database.js';
import { Program, signal } from '../../world/program.js';
import { until } from '../../world/waiting.js';
import { createWorld } from '../../world/world.js';

test('Ctrl-Z in the middle of a transaction stops the process after it', async (t) => {
  const world = createWorld(t);
  await world.runOnce();
  const child = join(import.meta.dirname, 'stopping.js');
  const program = new Program(process.execPath, [child, world.statePath]);
  t.after(() => program.killAll());
  await until('it is stopped', () => isStopped(program.pid));
  assert.equal(isWriteLocked(world.statePath), false);
  signal(program.pid, 'SIGCONT');
  const { code, stderr } = await program.ended;
  assert.equal(code, 0, stderr);
});
