/** ingest-ctl replace-warehouse DIR: an empty directory stands in for a warehouse whose files stay away. */

import type { Invocation } from '../base/config/read.js';
import { realDirectory } from '../base/config/values/directories.js';
import { safeText } from '../base/telemetry/safe.js';
import { replaceWarehouse as replace } from '../tools/exceptions/replace-warehouse.js';
import { oneWord } from './ask.js';
import { print } from './console.js';
import { oneFeedAsked, operate } from './state-view.js';

export async function replaceWarehouse(invocation: Invocation): Promise<number> {
  const warehouse = realDirectory('DIR', oneWord(invocation, 'a directory'));
  await operate(invocation, async (backend) => {
    const feed = oneFeedAsked(backend, invocation, 'whose warehouse is replaced');
    const replaced = await replace(backend, feed, warehouse);
    print(
      safeText(
        `${replaced.contents} stored contents of ${replaced.feeds.join(', ')} stay known, and their files are no longer looked for; ${warehouse} is the warehouse now: start ingest with it.`,
      ),
    );
  });
  return 0;
}
