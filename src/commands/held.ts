/** ingest-ctl held: lists held files with the reason and what releases each. */

import { heldJobs, heldTable, nothingHeld } from '../service/status/held-list.js';
import { askedFor } from './ask.js';
import { print, printJson } from './console.js';
import { withView } from './state-view.js';

export async function held(argv: readonly string[]): Promise<number> {
  const invocation = askedFor('held', argv);
  if (!invocation) return 0;
  const { json, code, feed } = invocation.view;
  await withView(invocation, (view) => {
    const jobs = heldJobs(view, { code, feed });
    if (json) for (const job of jobs) printJson(job);
    else if (heldTable(jobs, print) === 0) print(nothingHeld(invocation.view));
  });
  return 0;
}
