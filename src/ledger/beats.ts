/**
 * The beats of a process that has no batches in hand: a producer, a dashboard. A worker's say what it has in hand.
 * Beside them it notes when processes of a service have died.
 */
import type { Backend } from '../../queue/backend.js';
import { limits } from '../../queue/index.js';
import { DEATHS_EVERY_MS, noteDeaths } from './services.js';

interface Life {
  /** Ends the process. */
  fail(error: unknown): void;
  /** What is called when it must end at once. */
  onStop(clear: () => void): void;
}

/** From the main loop, so that a loop that hangs is seen; the same turn asks whether the state is still the one opened. */
export function startBeats(backend: Backend, { fail, onStop }: Life): () => void {
  const beat = () => {
    try {
      backend.beat({ job: null, place: '' });
      backend.checkStillOurs();
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
