/** ingest-ctl learn DIR: files that were loaded by other means count as duplicates from now on. */
import { existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Backend } from '../../queue/backend.js';
import type { FeedOptions } from '../base/config/options.js';
import type { Invocation } from '../base/config/read.js';
import { statePathOf } from '../base/config/state-path.js';
import { isWithin, realDirectory, refuseOverlap } from '../base/config/values/directories.js';
import { EnvironmentError, EXIT } from '../base/errors.js';
import { typed } from '../base/shell.js';
import { Progress } from '../base/telemetry/progress.js';
import { safeText, shownBytes } from '../base/telemetry/safe.js';
import { readHere } from '../files/open-files.js';
import { recordedRoots } from '../ingest/files/recorded-roots.js';
import { openState } from '../ingest/ledger/open-state.js';
import { shownName } from '../linux/index.js';
import { type Learned, learn as learnAll } from '../tools/exceptions/learn.js';
import { oneWord } from './ask.js';
import { print, printNote } from './console.js';
import { prepareState, refuseUnusableState } from './state.js';
import { oneFeedAsked, refuseUnknownFeed } from './state-view.js';

export async function learn(invocation: Invocation): Promise<number> {
  const word = oneWord(invocation, 'a directory');
  refuseFile(word);
  const directory = realDirectory('DIR', word);
  const backend = await openOrMake(invocation);
  try {
    return await learnInto(backend, invocation, directory);
  } finally {
    await backend.close();
  }
}

/** All files of a folder are learned together. */
function refuseFile(word: string): void {
  const path = resolve(word);
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return;
  throw new EnvironmentError(
    'not_a_directory',
    `DIR must be a directory, but ${path} is a file; name its folder: ${typed('ingest-ctl learn', dirname(path))}`,
  );
}

/** Before the first file there is no state yet: this is the moment when most is to be learned. */
async function openOrMake(invocation: Invocation): Promise<Backend> {
  const statePath = statePathOf(invocation, process.env);
  const maxAttempts = invocation.service['max-attempts'];
  if (existsSync(statePath)) refuseUnusableState(statePath);
  else {
    prepareState(statePath);
    printNote(`ingest-ctl learn: ${safeText(statePath)} is made: start ingest with this --state-path`);
  }
  return openState({ statePath, title: invocation.spec.name, maxAttempts });
}

async function learnInto(backend: Backend, invocation: Invocation, directory: string): Promise<number> {
  const feed = feedOf(backend, invocation);
  const name = feed?.name ?? invocation.view.feed ?? 'default';
  if (feed) refuseOwnFolders(backend, directory, feed);
  const progress = new Progress('ingest-ctl learn', () => readHere([directory]));
  const prefix = `${directory}/`;
  const totals = await learnAll(
    backend,
    { directory, feed: name, warehouse: feed?.warehouse },
    (path, why) => {
      progress.clear();
      printNote(safeText(`ingest-ctl learn: ${prefix}${shownName(path)} is left out: ${why}`));
    },
    (work) => progress.show(work),
  ).finally(() => progress.end());
  print(summary(totals, name));
  return totals.failed > 0 ? EXIT.unfinished : EXIT.done;
}

const summary = ({ learned, known, ignored, failed, bytes }: Learned, feed: string): string =>
  [
    `${learned} ${learned === 1 ? 'content' : 'contents'} learned for feed ${feed} (${shownBytes(bytes)} read)`,
    ...(known > 0 ? [`${known} files that were known`] : []),
    ...(ignored > 0 ? [`${ignored} ignored: hidden, or no regular files`] : []),
    ...(failed > 0 ? [`${failed} left out; run it again for them`] : []),
  ].join(', ');

/** Undefined where the state has no feed yet. */
function feedOf(backend: Backend, invocation: Invocation): FeedOptions | undefined {
  if (backend.feeds().length === 0) return undefined;
  refuseUnknownFeed(backend, invocation.view.feed);
  return oneFeedAsked(backend, invocation, 'which feed is to know the contents');
}

/** A file that waits in the input, or is under way, would become a duplicate of itself. */
function refuseOwnFolders(backend: Backend, directory: string, feed: FeedOptions): void {
  const { input, work } = recordedRoots(backend, feed.name);
  const here = { origin: 'DIR', path: directory };
  refuseOverlap(here, { origin: '--input', path: input === '' ? feed.input : input });
  if (work !== '' && !isWithin(work, feed.input)) refuseOverlap(here, { origin: '--work-dir', path: work });
}
