/** Short transactions for long lists: a writer that locks the state for seconds stops all others. */
import type { JobId } from '../../../queue/backend.js';

const BATCH = 500;

/** Returns for how many of them `act` returned true. */
export async function inBatches(
  ids: readonly JobId[],
  act: (batch: readonly JobId[]) => Promise<readonly boolean[]>,
): Promise<number> {
  let count = 0;
  for (let at = 0; at < ids.length; at += BATCH) {
    count += (await act(ids.slice(at, at + BATCH))).filter(Boolean).length;
  }
  return count;
}
