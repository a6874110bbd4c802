/** ingest-ctl retry: held files go through the stage again that they were held in, attempts forgotten. */
import type { Invocation } from '../base/config/read.js';
import { retryJobs, unhealed } from '../tools/exceptions/retry.js';
import { printNote } from './console.js';
import { actOnHeld } from './select-held.js';

export async function retry(invocation: Invocation): Promise<number> {
  const codes = new Set<string>();
  const code = await actOnHeld(
    invocation,
    (backend, batch) => retryJobs(backend, batch, (one) => codes.add(one)),
    (again) => `${again} ${again === 1 ? 'file goes through its' : 'files go through their'} stage again`,
  );
  for (const sentence of unhealed(codes)) printNote(`ingest-ctl retry: ${sentence}`);
  return code;
}
