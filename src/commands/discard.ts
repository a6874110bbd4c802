/** ingest-ctl discard: held files are given up: moved to `failed/`, their lines withdrawn, their twins set free. */
import type { Invocation } from '../base/config/read.js';
import { EXIT } from '../base/errors.js';
import type { Delivered } from '../ingest/ledger/stored.js';
import { nothingHeld } from '../service/status/held-list.js';
import { inBatches } from '../service/status/in-batches.js';
import { discardJobs } from '../tools/exceptions/discard.js';
import { print, printNote } from './console.js';
import { operate } from './operate.js';
import { selectHeld } from './select-held.js';

export async function discard(invocation: Invocation): Promise<number> {
  return operate(invocation, async (backend) => {
    const { ids, missing } = selectHeld(backend, invocation);
    const onDelivered = (id: string, as: Delivered) => printNote(`ingest-ctl discard: ${INSTEAD[as](id)}`);
    const given = await inBatches(ids, (batch) => discardJobs(backend, batch, onDelivered));
    const nothing = ids.length === 0 && missing === 0;
    print(nothing ? nothingHeld(invocation.view) : `${given} ${given === 1 ? 'file is' : 'files are'} given up`);
    return missing > 0 ? EXIT.unfinished : EXIT.done;
  });
}

const INSTEAD: Record<Delivered, (id: string) => string> = {
  stored: (id) => `the file of ${id} is in the warehouse already, so it is recorded as stored instead`,
  unconfirmed: (id) =>
    `the file of ${id} has left the work directory, and may have been taken from the warehouse since, so it is recorded as stored (unconfirmed) instead`,
};
