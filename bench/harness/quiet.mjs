/** Waits until a service has nothing to do: hardly any CPU time for some seconds on end. */
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 1_000;
const BUSY_S = 0.05;
const LOOKS = 3;

/** `live` tells its CPU seconds. Errors: it was still busy after `limitS`. */
export async function untilQuiet(live, limitS) {
  const deadline = performance.now() + limitS * 1000;
  let calm = 0;
  for (let before = live.cpu().cpuS; calm < LOOKS; ) {
    if (performance.now() > deadline) throw new Error(`still busy after ${limitS} s`);
    await sleep(LOOK_MS);
    const now = live.cpu().cpuS;
    calm = now - before < BUSY_S ? calm + 1 : 0;
    before = now;
  }
}
