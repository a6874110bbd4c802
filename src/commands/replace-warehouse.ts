/** ingest-ctl replace-warehouse DIR: an empty directory stands in for a warehouse whose files stay away. */

import type { FeedOptions } from '../base/config/options.js';
import { realDirectory } from '../base/config/values/directories.js';
import { OperatorError } from '../base/errors.js';
import { safeText } from '../base/telemetry/safe.js';
import { replaceWarehouse as replace } from '../tools/exceptions/replace-warehouse.js';
import { askedFor, oneWord } from './ask.js';
import { print } from './console.js';
import { operate } from './operate.js';

export async function replaceWarehouse(argv: readonly string[]): Promise<number> {
  const invocation = askedFor('replace-warehouse', argv);
  if (!invocation) return 0;
  const warehouse = realDirectory('DIR', oneWord(invocation, 'a directory'));
  await operate(invocation, async (backend) => {
    const feeds = backend.feeds().map(({ options }) => options as unknown as FeedOptions);
    const asked = feeds.filter(({ name }) => invocation.view.feed === undefined || name === invocation.view.feed);
    if (asked.length !== 1) {
      throw new OperatorError(
        'unknown_feed',
        `--feed must say whose warehouse is replaced, since this state has ${feeds.length} feeds; it has ${feeds.map(({ name }) => name).join(', ') || 'none yet'}.`,
      );
    }
    const replaced = await replace(backend, asked[0]!, warehouse);
    print(
      safeText(
        `${replaced.contents} stored contents of ${replaced.feeds.join(', ')} stay known, and their files are no longer looked for; ${warehouse} is the warehouse now: start ingest with it.`,
      ),
    );
  });
  return 0;
}
