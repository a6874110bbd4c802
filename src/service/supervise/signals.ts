/**
 * A parent's reaction to SIGTERM, SIGINT and SIGHUP (a closed terminal): the first signal drains, the second stops at once. A signal
 * that was ignored at the start (nohup) stays ignored.
 */
import { constants } from 'node:os';
import type { Emit } from '../../base/telemetry/emit.js';
import { isIgnored } from '../../linux/index.js';
import type { Ended, Supervisor } from './supervisor.js';

export const ENDING = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Runs `onSignal` for each of them that is not ignored. Returns a function that stops listening. */
export function onEnding(onSignal: (signal: NodeJS.Signals) => void): () => void {
  const heard = ENDING.filter((signal) => !isIgnored(signal));
  for (const signal of heard) process.on(signal, onSignal);
  return () => {
    for (const signal of heard) process.off(signal, onSignal);
  };
}

/**
 * A terminal sends Ctrl-C to every process of the foreground, and npm passes it on to its child as well. timeout(1) sends its signal
 * to its child and to the group of both: one wish, two signals.
 */
const SAME_WISH_MS = 300;

/** Runs the supervisor to its end. After a second signal the exit code is 128 + its number, as in a shell. */
export async function runUnderSignals(supervisor: Supervisor, emit: Emit): Promise<Ended> {
  let first: { signal: NodeJS.Signals; atMs: number } | undefined;
  let stoppedBy: NodeJS.Signals | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const atMs = performance.now();
    if (first?.signal === signal && atMs - first.atMs < SAME_WISH_MS) return;
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
  const leave = onEnding(onSignal);
  supervisor.start();
  const ended = await supervisor.done;
  leave();
  return stoppedBy === undefined ? ended : { ...ended, exitCode: 128 + constants.signals[stoppedBy] };
}
