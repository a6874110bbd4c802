/**
 * Reads all pages of a state that was not closed cleanly, on a thread of its own. One process of the state does it, and `hash`
 * waits for it.
 * Guarantees: damage ends the process that found it, with a message that names the next step; the gate stays closed.
 * Does not: open files without SQLite. The thread has its own connection, through SQLite.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import type { Backend } from '../../../queue/backend.js';
import { checkPages } from '../../../queue/index.js';
import { asOperatorError, EnvironmentError } from '../../base/errors.js';
import { sayLoaded, startThread } from '../../base/process/threads.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { inPackage } from '../../package.js';
import { openChecked, uncheckedOf } from '../ledger/unchecked-gate.js';

/** Errors: EnvironmentError `state_not_a_database`. Returns at once where nothing must be checked, or another process does it. */
export async function checkStateOnce(
  backend: Backend,
  statePath: string,
  emit: Emit,
  check: (statePath: string) => void | Promise<void> = checkedInThread,
): Promise<void> {
  const gate = uncheckedOf(backend.gates());
  if (gate === undefined || !(await backend.takeProbe(gate))) return;
  const beganMs = performance.now();
  await check(statePath);
  await backend.transact(openChecked);
  emit('state_checked', { seconds: (performance.now() - beganMs) / 1_000 });
}

type Answer = { code: string; message: string } | 'whole';

function checkedInThread(statePath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const module = inPackage('dist/src/ingest/upkeep/state-check.js');
    const thread = startThread(module, { workerData: { checks: statePath } }, (answer: Answer) => {
      if (answer === 'whole') resolve();
      else reject(new EnvironmentError(answer.code, answer.message));
    });
    thread.once('error', reject);
    thread.once('exit', () => reject(new Error('the thread that reads the state ended without an answer')));
    thread.unref();
  });
}

/** Runs in the thread. */
function check(statePath: string): Answer {
  try {
    checkPages(statePath, sayLoaded);
    return 'whole';
  } catch (error) {
    const known = asOperatorError(error);
    if (known === undefined) throw error;
    return { code: known.code, message: known.message };
  }
}

if (!isMainThread && workerData?.checks) parentPort!.postMessage(check(workerData.checks));
