/** ingest-ctl held: lists held files with the reason and what releases each. */

import type { Invocation } from '../base/config/read.js';
import { heldJobs, heldTable, nothingHeld } from '../service/status/held-list.js';
import { print, printJson } from './console.js';
import { withView } from './state-view.js';

export async function held(invocation: Invocation): Promise<number> {
  const { json, code, feed } = invocation.view;
  await withView(invocation, (view) => {
    const jobs = heldJobs(view, { code, feed });
    if (json) for (const job of jobs) printJson(job);
    else if (heldTable(jobs, print) === 0) print(nothingHeld(invocation.view));
  });
  return 0;
}
