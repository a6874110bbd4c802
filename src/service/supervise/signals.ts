/**
 * A parent's reaction to SIGTERM, SIGINT and SIGHUP (a closed terminal): the first signal drains, the second stops at once. A signal
 * that was ignored at the start (nohup) stays ignored.
 */
import { constants } from 'node:os';
import type { Emit } from '../../base/telemetry/emit.js';
import { isIgnored } from '../../linux/index.js';
import type { Ended, Supervisor } from './supervisor.js';

export const ENDING = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * A terminal sends Ctrl-C to every process of the foreground, and npm passes it on to its child as well. timeout(1) sends its signal
 * to its child and to the group of both: one wish, two signals.
 */
const SAME_WISH_MS = 300;

/**
 * Runs `onSignal` for each of them that is not ignored; an equal one that comes at once after it is the same wish. Returns a function
 * that stops listening.
 */
export function onEnding(onSignal: (signal: NodeJS.Signals) => void): () => void {
  const heard = ENDING.filter((signal) => !isIgnored(signal));
  const handledMs = new Map<NodeJS.Signals, number>();
  const hear = (signal: NodeJS.Signals): void => {
    if (performance.now() - (handledMs.get(signal) ?? Number.NEGATIVE_INFINITY) < SAME_WISH_MS) return;
    onSignal(signal);
    handledMs.set(signal, performance.now());
  };
  for (const signal of heard) process.on(signal, hear);
  return () => {
    for (const signal of heard) process.off(signal, hear);
  };
}

/** Runs the supervisor to its end. After a second signal the exit code is 128 + its number, as in a shell. */
export async function runUnderSignals(supervisor: Supervisor, emit: Emit): Promise<Ended> {
  let drains = false;
  let stoppedBy: NodeJS.Signals | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (!drains) {
      drains = true;
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
