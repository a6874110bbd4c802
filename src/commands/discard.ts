/** ingest-ctl discard: held files are given up: moved to `failed/`, their lines withdrawn, their twins set free. */
import type { Invocation } from '../base/config/read.js';
import type { Delivered } from '../ingest/ledger/stored.js';
import { discardJobs } from '../tools/exceptions/discard.js';
import { printNote } from './console.js';
import { actOnHeld } from './select-held.js';

export function discard(invocation: Invocation): Promise<number> {
  const onDelivered = (id: string, as: keyof typeof INSTEAD) => printNote(`ingest-ctl discard: ${INSTEAD[as](id)}`);
  return actOnHeld(
    invocation,
    (backend, batch) => discardJobs(backend, batch, onDelivered),
    (given) => `${given} ${given === 1 ? 'file is' : 'files are'} given up`,
  );
}

const INSTEAD: Record<Delivered | 'kept', (id: string) => string> = {
  kept: (id) => `the file of ${id} stays in the warehouse, with its line; only its publication is given up`,
  stored: (id) => `the file of ${id} is in the warehouse already, so it is recorded as stored instead`,
  unconfirmed: (id) =>
    `the file of ${id} has left the work directory, and may have been taken from the warehouse since, so it is recorded as stored (unconfirmed) instead`,
};
