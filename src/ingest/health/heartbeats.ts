/**
 * The heartbeats of a process without batches: a producer, a dashboard. (A worker's heartbeats also name its job.)
 * The process also records deaths of service processes.
 */
import type { Backend } from '../../../queue/backend.js';
import { limits, StateUnwritable } from '../../../queue/index.js';
import { stderr } from '../../base/telemetry/line-writer.js';
import { DEATHS_EVERY_MS, noteDeaths } from '../ledger/services.js';

/** Used instead of a stage in the name of the counter. */
export const LOG = 'log';

interface Life {
  /** Ends the process. */
  fail(error: unknown): void;
  /** Registers what is called when it must end at once. */
  onStop(clear: () => void): void;
}

let counted = 0;

/** Counts, in the state, lines of this process's log that nobody read. */
export async function countLostLines(backend: Backend): Promise<void> {
  const lines = stderr.lost - counted;
  if (lines === 0) return;
  counted += lines;
  try {
    await backend.transact((tx) => tx.count('*', LOG, 'lost', lines, 0));
  } catch (error) {
    counted -= lines;
    if (!(error instanceof StateUnwritable)) throw error;
  }
}

/** Heartbeats come from the main loop, so that a loop that hangs is noticed. Each one also checks that the state file is still the one opened. */
export function startHeartbeats(backend: Backend, { fail, onStop }: Life): () => void {
  const beat = () => {
    try {
      backend.beat({ job: null, place: '' });
      backend.checkStillOurs();
      countLostLines(backend).catch(fail);
    } catch (error) {
      fail(error);
    }
  };
  beat();
  onStop(() => backend.beat({ job: null, place: '' }));
  const timers = [
    setInterval(beat, limits.beatEveryMs),
    setInterval(() => void noteDeaths(backend).catch(fail), DEATHS_EVERY_MS),
  ];
  return () => timers.forEach(clearInterval);
}
