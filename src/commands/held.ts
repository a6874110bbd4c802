/** ingest-ctl held: lists held files with the reason and what releases each. */
import type { QueueView } from '../../queue/index.js';
import type { Invocation } from '../base/config/read.js';
import { heldJobs, heldTable, nothingHeld } from '../service/status/held-list.js';
import { print, printJson } from './console.js';
import { withView } from './state-view.js';

export async function held(invocation: Invocation): Promise<number> {
  await withView(invocation, (view) => showHeld(view, invocation.view));
  return 0;
}

export function showHeld(
  view: QueueView,
  { json, code, feed }: Pick<Invocation['view'], 'json' | 'code' | 'feed'>,
): void {
  const jobs = heldJobs(view, { code, feed });
  if (json) for (const job of jobs) printJson(job);
  else if (heldTable(jobs, print) === 0) print(nothingHeld({ code, feed }));
}
