/**
 * The beats of a process that has no batches in hand: a producer, a dashboard. A worker's say what it has in hand.
 * Beside them it notes when processes of a service have died.
 */
import type { Backend } from '../../../queue/backend.js';
import { limits, StateUnwritable } from '../../../queue/index.js';
import { stderr } from '../../base/telemetry/line-writer.js';
import { DEATHS_EVERY_MS, noteDeaths } from '../ledger/services.js';

/** In place of a stage, in the name of the counter. */
export const LOG = 'log';

interface Life {
  /** Ends the process. */
  fail(error: unknown): void;
  /** What is called when it must end at once. */
  onStop(clear: () => void): void;
}

let counted = 0;

/** Lines of this process's log that nobody read are a counter of the state, as are processes that died. */
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

/** From the main loop, so that a loop that hangs is seen; the same turn asks whether the state is still the one opened. */
export function startBeats(backend: Backend, { fail, onStop }: Life): () => void {
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
