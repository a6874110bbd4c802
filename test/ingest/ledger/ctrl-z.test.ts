/** A process that Ctrl-Z stops holds no transaction: the others go on. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { isStopped } from '../../queue/processes.js';
import { isWriteLocked } from '../../world/database.js';
import { descendantsOf, Program, signal } from '../../world/program.js';
import { until } from '../../world/waiting.js';
import { createWorld } from '../../world/world.js';

/** A shell that could continue it, until it has ended: without one, the kernel does not stop it. */
const JOB = ['bash', '-m', '-c', '"$@" & wait -f', 'bash'];

test('Ctrl-Z in the middle of a transaction stops the process after it', async (t) => {
  const world = createWorld(t);
  await world.runOnce();
  const child = join(import.meta.dirname, 'stopping.js');
  const program = new Program(process.execPath, [child, world.statePath], undefined, { wrap: JOB });
  t.after(() => program.killAll());
  const stopped = () => descendantsOf(program.pid).find(isStopped);
  const pid = await until('it is stopped', stopped);
  assert.equal(isWriteLocked(world.statePath), false);
  signal(pid, 'SIGCONT');
  const { code, stderr } = await program.ended;
  assert.equal(code, 0, stderr);
});
