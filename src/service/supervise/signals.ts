/**
 * A parent's reaction to SIGTERM, SIGINT and SIGHUP (a closed terminal): the first signal drains, the second stops at once.
 */
import { constants } from 'node:os';
import type { Emit } from '../../base/telemetry/emit.js';
import type { Ended, Supervisor } from './supervisor.js';

export const ENDING = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** A terminal sends Ctrl-C to every process of the foreground, and npm passes it on to its child as well: one key, two signals. */
const SAME_KEY_MS = 100;

/** Runs the supervisor to its end. After a second signal the exit code is 128 + its number, as in a shell. */
export async function runUnderSignals(supervisor: Supervisor, emit: Emit): Promise<Ended> {
  let first: { signal: NodeJS.Signals; atMs: number } | undefined;
  let stoppedBy: NodeJS.Signals | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const atMs = performance.now();
    if (signal === 'SIGINT' && first?.signal === signal && atMs - first.atMs < SAME_KEY_MS) return;
    if (first === undefined) {
      first = { signal, atMs };
      emit('draining', { signal });
      supervisor.drain();
      return;
    }
    stoppedBy = signal;
    emit('stopping', { signal });
    supervisor.stop();
  };
  for (const signal of ENDING) process.on(signal, onSignal);
  supervisor.start();
  const ended = await supervisor.done;
  for (const signal of ENDING) process.off(signal, onSignal);
  return stoppedBy === undefined ? ended : { ...ended, exitCode: 128 + constants.signals[stoppedBy] };
}
