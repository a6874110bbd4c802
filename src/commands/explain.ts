/** ingest-ctl explain PATH: why a file is not in yet, or where it went; exit code 4 where nobody knows it. */
import type { FeedOptions } from '../base/config/options.js';
import { EXIT } from '../base/errors.js';
import { safeText } from '../base/telemetry/safe.js';
import { explain as explainPath } from '../tools/explain/explain.js';
import { askedFor, oneWord } from './ask.js';
import { print, printJson } from './console.js';
import { withView } from './state-view.js';

export async function explain(argv: readonly string[]): Promise<number> {
  const invocation = askedFor('explain', argv);
  if (!invocation) return 0;
  const path = oneWord(invocation, 'a path or a SHA-256');
  return withView(invocation, async (view, statePath) => {
    const feeds = view.feeds().map(({ options }) => options as unknown as FeedOptions);
    const wanted = feeds.filter(({ name }) => invocation.view.feed === undefined || name === invocation.view.feed);
    const { text, json, isKnown } = await explainPath(view, wanted, path, statePath);
    if (invocation.view.json) printJson(json);
    else for (const line of text.split('\n')) print(safeText(line));
    return isKnown ? EXIT.done : EXIT.unfinished;
  });
}
