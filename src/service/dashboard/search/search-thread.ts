/** The thread of search.ts: opens the state for reading at each search, so that it pins nothing between two of them. */
import { parentPort, workerData } from 'node:worker_threads';
import type { QueueView } from '../../../../queue/index.js';
import type { FeedOptions } from '../../../base/config/options.js';
import { sayLoaded } from '../../../base/process/threads.js';
import { contentByHash, placeOf } from '../../../ingest/ledger/content.js';
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
  const { text, json } = await explained(view, feeds, sought);
  const jobs = (json as { found: { job?: { id: string } }[] }).found.flatMap(({ job }) => job?.id ?? []);
  return { text, json, made: madeOfJobs(view, feeds, jobs) };
}

async function explained(
  view: QueueView,
  feeds: readonly FeedOptions[],
  sought: Exclude<Sought, { part: string }>,
): Promise<Pick<Found, 'text' | 'json'>> {
  if ('path' in sought) return explain(view, feeds, sought.path, statePath);
  const words = feeds.flatMap((feed) => wordOf(view, feed, Buffer.from(sought.sha256, 'hex')) ?? []);
  if (words.length === 0) {
    const [verdict, sentence] = withoutWord(view, feeds, Buffer.from(sought.sha256, 'hex'));
    const found = [{ verdict, sentences: [sentence] }];
    return { text: `${sought.sha256}\n  ${sentence}`, json: { asked: sought.sha256, found } };
  }
  const all = await Promise.all(words.map((word) => explain(view, feeds, word, statePath)));
  const found = all.flatMap(({ json }) => (json as { found: unknown[] }).found);
  return { text: all.map(({ text }) => text).join('\n\n'), json: { asked: sought.sha256, found } };
}

/** A pruned record leaves only its manifest to name. */
function withoutWord(view: QueueView, feeds: readonly FeedOptions[], sha256: Buffer): [verdict: string, said: string] {
  const known = feeds.flatMap(({ name }) => view.read((rows) => contentByHash(rows, name, sha256)) ?? []);
  if (known.length === 0) return ['unknown', 'No content of this state has that SHA-256.'];
  const where = known.map((content) => placeOf(content)).join(', ');
  return ['stored', `It was stored, and its record was pruned since; its line is in ${where}.`];
}

/** A word by which `explain` finds a content: the job that carried it, or its path. */
function wordOf(view: QueueView, feed: FeedOptions, sha256: Buffer): string | undefined {
  const content = view.read((rows) => contentByHash(rows, feed.name, sha256));
  if (!content) return undefined;
  if (view.job(content.carrier)) return content.carrier;
  return content.target === null ? undefined : `${feed.warehouse}/${content.target.toString('utf8')}`;
}
