/** ingest-ctl discard: held files are given up: moved to `failed/`, their lines withdrawn, their twins set free. */
import { EXIT } from '../base/errors.js';
import { nothingHeld } from '../service/status/held-list.js';
import { inBatches } from '../service/status/in-batches.js';
import { discardJobs } from '../tools/exceptions/discard.js';
import { askedFor } from './ask.js';
import { print, printNote } from './console.js';
import { operate } from './operate.js';
import { selectHeld } from './select-held.js';

export async function discard(argv: readonly string[]): Promise<number> {
  const invocation = askedFor('discard', argv);
  if (!invocation) return 0;
  return operate(invocation, async (backend) => {
    const { ids, missing } = selectHeld(backend, invocation);
    const onStored = (id: string) =>
      printNote(
        `ingest-ctl discard: the file of ${id} is in the warehouse already, so it is recorded as stored instead`,
      );
    const given = await inBatches(ids, (batch) => discardJobs(backend, batch, onStored));
    const nothing = ids.length === 0 && missing === 0;
    print(nothing ? nothingHeld(invocation.view) : `${given} ${given === 1 ? 'file is' : 'files are'} given up`);
    return missing > 0 ? EXIT.unfinished : EXIT.done;
  });
}
