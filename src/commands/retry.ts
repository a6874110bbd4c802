/** ingest-ctl retry: held files go through the stage again that they were held in, attempts forgotten. */
import type { Invocation } from '../base/config/read.js';
import { EXIT } from '../base/errors.js';
import { nothingHeld } from '../service/status/held-list.js';
import { inBatches } from '../service/status/in-batches.js';
import { retryJobs, unhealed } from '../tools/exceptions/retry.js';
import { print, printNote } from './console.js';
import { operate } from './operate.js';
import { selectHeld } from './select-held.js';

export async function retry(invocation: Invocation): Promise<number> {
  return operate(invocation, async (backend) => {
    const { ids, missing } = selectHeld(backend, invocation);
    const codes = new Set<string>();
    const again = await inBatches(ids, (batch) => retryJobs(backend, batch, (code) => codes.add(code)));
    const nothing = ids.length === 0 && missing === 0;
    print(
      nothing
        ? nothingHeld(invocation.view)
        : `${again} ${again === 1 ? 'file goes through its' : 'files go through their'} stage again`,
    );
    for (const sentence of unhealed(codes)) printNote(`ingest-ctl retry: ${sentence}`);
    return missing > 0 ? EXIT.unfinished : EXIT.done;
  });
}
