/** Short transactions for long lists: a writer that holds the state for seconds stops everybody. */
import type { JobId } from '../../../queue/backend.js';

const BATCH = 500;

/** Answers for how many `act` said yes. */
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
