/** ingest-ctl retry: held files go through the stage again that they were held in, attempts forgotten. */
import { EXIT } from '../base/errors.js';
import { nothingHeld } from '../service/status/held-list.js';
import { inBatches } from '../service/status/in-batches.js';
import { askedFor } from './ask.js';
import { print } from './console.js';
import { operate } from './operate.js';
import { selectHeld } from './select-held.js';

export async function retry(argv: readonly string[]): Promise<number> {
  const invocation = askedFor('retry', argv);
  if (!invocation) return 0;
  return operate(invocation, async (backend) => {
    const { ids, missing } = selectHeld(backend, invocation);
    const again = await inBatches(ids, (batch) =>
      backend.amendHeld(batch, (_tx, job) => ({ kind: 'advance', to: job.stage })),
    );
    const nothing = ids.length === 0 && missing === 0;
    print(
      nothing
        ? nothingHeld(invocation.view)
        : `${again} ${again === 1 ? 'file goes through its' : 'files go through their'} stage again`,
    );
    return missing > 0 ? EXIT.unfinished : EXIT.done;
  });
}
