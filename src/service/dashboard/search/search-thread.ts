/** The thread of search.ts: opens the state for reading at each search, so that it pins nothing between two of them. */
import { parentPort, workerData } from 'node:worker_threads';
import type { QueueView } from '../../../../queue/index.js';
import type { FeedOptions } from '../../../base/config/options.js';
import { sayLoaded } from '../../../base/process/threads.js';
import { openStateView } from '../../../ingest/ledger/open-state.js';
import { explain } from '../../../tools/explain/explain.js';
import { limits } from '../data/limits.js';
import { madeOfJobs } from '../data/made.js';
import { type Hits, hitsOf } from './hits.js';
import type { Found, Sought } from './search.js';

const { statePath } = workerData as { statePath: string };

parentPort!.on('message', async (sought: Sought) => {
  const view = await openStateView(statePath);
  sayLoaded();
  try {
    parentPort!.postMessage(await answer(view, sought));
  } finally {
    await view.close();
  }
});

async function answer(view: QueueView, sought: Sought): Promise<Found | Hits> {
  const feeds = view.feeds().map(({ options }) => options as unknown as FeedOptions);
  if ('part' in sought) return hitsOf(view, feeds, sought.part, { limit: sought.limit, scanMs: limits.scanMs });
  const { text, json } = await explain(view, feeds, sought.word, statePath);
  const jobs = (json as { found: { job?: { id: string } }[] }).found.flatMap(({ job }) => job?.id ?? []);
  return { text, json, made: madeOfJobs(view, feeds, jobs) };
}
