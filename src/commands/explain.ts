/** ingest-ctl explain PATH: why a file is not in yet, or where it went; exit code 4 where nobody knows it. */

import type { Invocation } from '../base/config/read.js';
import { EXIT } from '../base/errors.js';
import { safeText } from '../base/telemetry/safe.js';
import { heartbeatsAreBack } from '../ingest/health/processes.js';
import { urlOf } from '../ingest/sharing/check.js';
import { withElsewhere } from '../tools/explain/elsewhere.js';
import { explain as explainPath } from '../tools/explain/explain.js';
import { oneWord } from './ask.js';
import { print, printJson } from './console.js';
import { feedsAsked, withView } from './state-view.js';

export async function explain(invocation: Invocation): Promise<number> {
  const path = oneWord(invocation, 'a path or a SHA-256');
  return withView(invocation, async (view, statePath) => {
    const feeds = feedsAsked(view, invocation);
    await heartbeatsAreBack(view);
    const { text, json, isKnown } = await withElsewhere(urlOf(view), (elsewhere) =>
      explainPath(view, feeds, path, statePath, elsewhere),
    );
    if (invocation.view.json) printJson(json);
    else for (const line of text.split('\n')) print(safeText(line));
    return isKnown ? EXIT.done : EXIT.unfinished;
  });
}
