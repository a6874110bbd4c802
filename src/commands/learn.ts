/** ingest-ctl learn DIR|FILE: files that were loaded by other means count as duplicates from now on. */
import { existsSync, lstatSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Backend } from '../../queue/backend.js';
import type { FeedOptions } from '../base/config/options.js';
import type { Invocation } from '../base/config/read.js';
import { statePathOf } from '../base/config/state-path.js';
import { isWithin, realDirectory, realOrFuturePath, refuseOverlap } from '../base/config/values/directories.js';
import { EXIT, OperatorError } from '../base/errors.js';
import { Progress } from '../base/telemetry/progress.js';
import { safeText, shownBytes } from '../base/telemetry/safe.js';
import { readHere } from '../files/open-files.js';
import { unlessRefused } from '../files/place-error.js';
import { recordedRoots } from '../ingest/files/recorded-roots.js';
import { openState } from '../ingest/ledger/open-state.js';
import { refuseLostState } from '../ingest/upkeep/check-manifests.js';
import { bytesOfName, nameOfText, shownName } from '../linux/index.js';
import { type Learned, type LearnOptions, learn as learnAll } from '../tools/exceptions/learn.js';
import { oneWord } from './ask.js';
import { print, printNote } from './console.js';
import { foldersOf, prepareState, refuseUnusableState } from './state.js';
import { oneFeedAsked, refuseUnknownFeed } from './state-view.js';

export async function learn(invocation: Invocation): Promise<number> {
  const place = placeOf(oneWord(invocation, 'a directory or a file'));
  const backend = await openOrMake(invocation, place);
  try {
    return await learnInto(backend, invocation, place);
  } finally {
    await backend.close();
  }
}

type Place = Pick<LearnOptions, 'directory' | 'file'>;

/** The real path. A name may be any bytes, its folder is text. */
function placeOf(word: string): Place {
  const path = resolve(word);
  const stat = unlessRefused(() => lstatSync(bytesOfName(nameOfText(path)), { throwIfNoEntry: false }));
  if (!stat?.isFile()) return { directory: realDirectory('DIR', word), file: undefined };
  return { directory: realDirectory('DIR', dirname(path)), file: nameOfText(basename(path)) };
}

/** Before the first file there is no state yet: this is the moment when most is to be learned. */
async function openOrMake(invocation: Invocation, place: Place): Promise<Backend> {
  const statePath = statePathOf(invocation, process.env);
  const maxAttempts = invocation.service['max-attempts'];
  if (existsSync(statePath)) refuseUnusableState(statePath);
  else {
    await refuseLostState(statePath, invocation.feeds.map(foldersOf));
    feedToKnow(undefined, invocation, place);
    prepareState(statePath);
    printNote(`ingest-ctl learn: ${safeText(statePath)} is made: start ingest with this --state-path`);
  }
  return openState({ statePath, title: invocation.spec.name, maxAttempts });
}

async function learnInto(backend: Backend, invocation: Invocation, place: Place): Promise<number> {
  const { name, warehouse } = feedToKnow(backend, invocation, place);
  const { directory } = place;
  const progress = new Progress('ingest-ctl learn', () => readHere([directory]));
  const prefix = `${directory}/`;
  const totals = await learnAll(
    backend,
    { ...place, feed: name, warehouse },
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

interface Knowing {
  name: string;
  warehouse?: string;
}

/** The feed that is to know the contents, as the state has it, or as a first start will have it. Errors: OperatorError. */
function feedToKnow(backend: Backend | undefined, invocation: Invocation, place: Place): Knowing {
  const { feed } = invocation.view;
  const known = backend && backend.feeds().length > 0 ? backend : { feeds: () => configured(invocation) };
  if (known.feeds().length === 0) {
    if (feed !== undefined) return { name: feed };
    throw new OperatorError(
      'unknown_feed',
      'the state has no feed yet, so nobody knows which one is to know the contents; add --config or --input as the start will have it, or --feed NAME.',
    );
  }
  refuseUnknownFeed(known, feed);
  const one = oneFeedAsked(known, invocation, 'which feed is to know the contents');
  refuseOwnFolders(backend, place, one);
  return one;
}

/** The feeds of the command line, or of the configuration. */
const configured = ({ feeds }: Invocation) =>
  feeds.flatMap(({ name, values: { input, warehouse, 'work-dir': workDir } }) => {
    const paths = Object.entries({ input, warehouse, workDir }).filter(([, path]) => path !== undefined);
    const options = Object.fromEntries(paths.map(([option, path]) => [option, realOrFuturePath(path!)]));
    return input === undefined ? [] : [{ name, options: { ...options, name } }];
  });

/** A file that waits in the input, or is under way, would become a duplicate of itself. */
function refuseOwnFolders(backend: Backend | undefined, { directory, file }: Place, feed: FeedOptions): void {
  const recorded = backend && recordedRoots(backend, feed.name);
  const here = { origin: 'DIR', path: file === undefined ? directory : join(directory, shownName(file)) };
  refuseOverlap(here, { origin: '--input', path: recorded?.input || feed.input });
  const work = recorded?.work || (feed.workDir ?? '');
  if (work !== '' && !isWithin(work, feed.input)) refuseOverlap(here, { origin: '--work-dir', path: work });
}
