/** ingest-ctl retire FEED: a feed that was taken out of the configuration is left out from now on; its contents stay known. */
import type { Reader } from '../../queue/backend.js';
import type { QueueView } from '../../queue/index.js';
import type { FeedOptions } from '../base/config/options.js';
import type { Invocation } from '../base/config/read.js';
import { OperatorError } from '../base/errors.js';
import { safeText } from '../base/telemetry/safe.js';
import { isServed } from '../ingest/ledger/services.js';
import { unmarked } from '../ingest/periods/close.js';
import { countUnpublished } from '../ingest/publishing/due.js';
import { oneWord } from './ask.js';
import { print } from './console.js';
import { feedsAsked, operate, refuseUnknownFeed } from './state-view.js';

export async function retire(invocation: Invocation): Promise<number> {
  const feed = oneWord(invocation, 'the name of a feed');
  await operate(invocation, async (backend) => {
    refuseUnknownFeed(backend, feed);
    refuseInUse(backend, invocation, feed);
    const feeds = feedsAsked(backend, invocation);
    const owed = backend.read((reader) => [...owedBy(reader, feed, feeds)]);
    const left = await backend.retireFeed(feed);
    if (left > 0) {
      throw new OperatorError(
        'feed_under_way',
        `feed ${feed} has ${left} ${left === 1 ? 'file that is' : 'files that are'} on the way or held: put it back into the configuration until they are stored, retry or discard those that are held, then retire it again.`,
      );
    }
    print(
      safeText(
        `${feed} is retired: its contents stay known, and its folders may be moved away, the work directory last${sharesWarehouse(feed, feeds) ? '; its manifests stay, because another feed has its warehouse, and audit knows a pruned file by its line' : ''}.`,
      ),
    );
    for (const what of owed)
      print(safeText(`${what}: put ${feed} back into the configuration until they are there, if somebody reads them.`));
  });
  return 0;
}

function sharesWarehouse(feed: string, feeds: readonly FeedOptions[]): boolean {
  const its = feeds.find(({ name }) => name === feed);
  return feeds.some(({ name, warehouse }) => name !== feed && warehouse === its?.warehouse);
}

/** Markers and lines that are still owed. No job has them, so without the feed nobody makes up for them. */
function* owedBy(reader: Reader, feed: string, feeds: readonly FeedOptions[]): Generator<string> {
  const options = feeds.find(({ name }) => name === feed)!;
  const isOthers = (root: 'manifests' | 'warehouse') =>
    feeds.some((one) => one.name !== feed && one.successMarkers && one[root] === options[root]);
  const roots = options.successMarkers ? (['manifests', 'warehouse'] as const).filter((root) => !isOthers(root)) : [];
  const folders = roots.flatMap((root) => unmarked(reader, options, root)).length;
  if (folders > 0) yield `${folders} of its hours and days get no _SUCCESS`;
  const files = options.publish === undefined ? 0 : countUnpublished(reader, options);
  if (files > 0) yield `${files} of its files, or their lines, do not come into ${options.publish}`;
}

/** Its producer would go on and enqueue files that no worker takes; with the configuration, the next start has the feed again. */
function refuseInUse(view: Pick<QueueView, 'read' | 'isAlive'>, { feeds, file }: Invocation, feed: string): void {
  const isConfigured =
    file !== undefined && feeds.some(({ name, values }) => name === feed && values.input !== undefined);
  const where = isServed(view, feed) ? 'is served by a running process' : isConfigured ? `is in ${file}` : undefined;
  if (where === undefined) return;
  throw new OperatorError(
    'feed_in_use',
    `feed ${feed} ${where}: remove it from the configuration and restart the service, then retire it.`,
  );
}
