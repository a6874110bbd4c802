/**
 * What SIGTERM, SIGINT and SIGHUP (a terminal that was closed) mean to a parent: the first drains, the second stops at once.
 */
import { constants } from 'node:os';
import type { Emit } from '../../base/telemetry/emit.js';
import type { Ended, Supervisor } from './supervisor.js';

export const ENDING = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Runs the supervisor to its end. A second signal ends with 128 + its number, as a shell tells it. */
export async function runUnderSignals(supervisor: Supervisor, emit: Emit): Promise<Ended> {
  let received = 0;
  let stoppedBy: NodeJS.Signals | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    received++;
    if (received === 1) {
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
