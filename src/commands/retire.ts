/** ingest-ctl retire FEED: a feed that was taken out of the configuration is left out from now on; its contents stay known. */
import { OperatorError } from '../base/errors.js';
import { safeText } from '../base/telemetry/safe.js';
import { askedFor, oneWord } from './ask.js';
import { print } from './console.js';
import { operate } from './operate.js';
import { refuseUnknownFeed } from './state-view.js';

export async function retire(argv: readonly string[]): Promise<number> {
  const invocation = askedFor('retire', argv);
  if (!invocation) return 0;
  const feed = oneWord(invocation, 'the name of a feed');
  await operate(invocation, async (backend) => {
    refuseUnknownFeed(backend, feed);
    const left = await backend.retireFeed(feed);
    if (left > 0) {
      throw new OperatorError(
        'feed_under_way',
        `feed ${feed} must have run dry, but ${left} of its files are on their way or held; let ingest finish them, retry or discard those that are held, then retire it again.`,
      );
    }
    print(
      safeText(
        `${feed} is retired: its contents stay known, and its folders may be moved away, the work directory last.`,
      ),
    );
  });
  return 0;
}
