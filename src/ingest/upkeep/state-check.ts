/**
 * Reads the pages of a state that was not closed cleanly, on a thread of its own: one process of the state does it, and
 * `hash` waits for it.
 * Guarantees: what is damaged ends the process that found it, with the sentence that says what to do; the gate stays closed.
 * Does not: open files beside SQLite. The thread has a connection of its own, which SQLite knows of.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Backend } from '../../../queue/backend.js';
import { checkPages } from '../../../queue/index.js';
import { asOperatorError, EnvironmentError } from '../../base/errors.js';
import { inPackage } from '../../package.js';
import type { Emit } from '../gates/prober.js';
import { openChecked, uncheckedOf } from '../ledger/unchecked.js';

/** Errors: EnvironmentError `state_not_a_database`. Resolves at once where nothing is to be checked, or another process does it. */
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
type Said = Answer | 'opened';

let loading: Promise<unknown> | undefined;

/** A process that exits while its thread loads a native module is aborted: whoever ends waits for this. */
export const stateCheckLoaded = async (): Promise<void> => void (await loading);

function checkedInThread(statePath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(inPackage('dist/src/ingest/upkeep/state-check.js'), {
      workerData: { checks: statePath },
    });
    loading = new Promise((loaded) => thread.once('message', loaded).once('exit', loaded));
    thread.on('message', (said: Said) => {
      if (said === 'whole') resolve();
      else if (said !== 'opened') reject(new EnvironmentError(said.code, said.message));
    });
    thread.once('error', reject);
    thread.once('exit', () => reject(new Error('the thread that reads the state ended without an answer')));
    thread.unref();
  });
}

/** In the thread. */
function check(statePath: string): Answer {
  try {
    checkPages(statePath, () => parentPort!.postMessage('opened' satisfies Said));
    return 'whole';
  } catch (error) {
    const told = asOperatorError(error);
    if (told === undefined) throw error;
    return { code: told.code, message: told.message };
  }
}

if (!isMainThread && workerData?.checks) parentPort!.postMessage(check(workerData.checks));
