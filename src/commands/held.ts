/**
 * ingest-ctl held: what is held by cause, with the number of files, the oldest of them and what releases them. With --all each file,
 * with its own reason and remedy.
 */
import type { QueueView } from '../../queue/index.js';
import type { Invocation } from '../base/config/read.js';
import { typed } from '../base/shell.js';
import { safeText } from '../base/telemetry/safe.js';
import { heldFinding } from '../service/status/findings.js';
import { heldJobs, heldLines, nothingHeld } from '../service/status/held-list.js';
import { print, printJson } from './console.js';
import { withView } from './state-view.js';

export async function held(invocation: Invocation): Promise<number> {
  const { json, code, feed } = invocation.view;
  await withView(invocation, (view) => {
    if (json) for (const job of heldJobs(view, { code, feed })) printJson(job);
    else for (const line of heldText(view, invocation)) print(line);
  });
  return 0;
}

function* heldText(view: QueueView, { view: { all, code, feed } }: Invocation): Generator<string> {
  if (all) return yield* heldLines(heldJobs(view, { code, feed }), nothingHeld({ code, feed }));
  const causes = view
    .heldFor()
    .filter((one) => (code === undefined || one.code === code) && (feed === undefined || one.feed === feed))
    .sort((a, b) => b.jobs - a.jobs);
  if (causes.length === 0) return yield nothingHeld({ code, feed });
  for (const { sentence, since, release } of causes.map(heldFinding)) {
    yield safeText(sentence);
    yield safeText(`    The oldest since ${since}. ${release}`);
  }
  const files = causes.reduce((sum, { jobs }) => sum + jobs, 0);
  const why = causes.length === 1 ? '1 cause' : `${causes.length} causes`;
  yield `${files} held for ${why}; ${typed('ingest-ctl held --all')} lists each file`;
}
