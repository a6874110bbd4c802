/** ingest-ctl prune: forgets and removes what is older, or more, than the options say; beside running daemons or without them. */
import type { Backend } from '../../queue/backend.js';
import type { QueueView } from '../../queue/index.js';
import { keepingOf } from '../base/config/feeds.js';
import type { FeedOptions } from '../base/config/options.js';
import type { Invocation } from '../base/config/read.js';
import { EnvironmentError, EXIT, type ExitCode, OperatorError } from '../base/errors.js';
import { safeText, shownBytes } from '../base/telemetry/safe.js';
import { withFiles } from '../ingest/files/recorded-roots.js';
import { deadFeeds } from '../ingest/health/dead-roots.js';
import { Pieces } from '../ingest/upkeep/pieces.js';
import { type FolderRule, type Keeping, pruneFolder, rulesOf, type Tidied } from '../ingest/upkeep/prune-files.js';
import { pruneHistory } from '../ingest/upkeep/prune-history.js';
import { lockRoots } from '../ingest/upkeep/root-locks.js';
import { print, printNote } from './console.js';
import { feedsAsked, operate, withView } from './state-view.js';

/** After each piece the state is left to the other processes for the same time. */
const REST_TIMES = 1;

export const prune = (invocation: Invocation): Promise<ExitCode> =>
  invocation.service['dry-run']
    ? withView(invocation, (view) => pruneAll(invocation, view, undefined))
    : operate(invocation, (backend) => pruneAll(invocation, backend, backend));

/** `backend` undefined: nothing is changed, only printed. A folder that cannot be used is named, and the others are pruned. */
async function pruneAll(invocation: Invocation, view: QueueView, backend: Backend | undefined): Promise<ExitCode> {
  const feeds = feedsAsked(view, invocation);
  const folders = feeds.flatMap((feed) =>
    rulesOf(keeping(invocation, feed)).map((rule) => ({ feed: feed.name, rule })),
  );
  // One history for all feeds.
  const keepMs = invocation.view.feed === undefined ? invocation.service['keep-history'] : undefined;
  if (keepMs === undefined && folders.length === 0) throw nothingSaid(invocation);
  const would = backend ? '' : 'would be ';
  if (keepMs !== undefined) {
    const beforeMs = Date.now() - keepMs;
    const { jobs, records } = await pruneHistory({
      view,
      backend,
      beforeMs,
      pieces: new Pieces(REST_TIMES),
      isOver: () => false,
    });
    print(
      `history before ${new Date(beforeMs).toISOString()}: ${jobs} jobs and the records of ${records} contents ${would}forgotten; every hash stays`,
    );
  }
  const dead = folders.length > 0 ? await deadFeeds(view, feeds) : new Map<string, Error>();
  let code: ExitCode = EXIT.done;
  for (const { feed, rule } of folders) {
    try {
      const isDead = dead.get(feed);
      if (isDead) throw unusable(feed, rule, isDead.message);
      const { files, bytes, unknown } = await inFolder(view, feed, rule, backend !== undefined);
      const kept = unknown > 0 ? `; ${unknown} are kept: the ledger does not know their content as stored` : '';
      print(`${rule.folder}/ of ${safeText(feed)}: ${files} files (${shownBytes(bytes)}) ${would}removed${kept}`);
    } catch (error) {
      if (!(error instanceof EnvironmentError)) throw error;
      printNote(safeText(`ingest-ctl prune: ${error.message}`));
      code = error.exitCode;
    }
  }
  return code;
}

/**
 * An option that is given now counts more than the option that the feed was started with. The limits that a file has for its feeds
 * are not those of a feed that it does not name.
 */
function keeping({ feeds, given }: Invocation, feed: FeedOptions): Keeping {
  const { name, values } = feeds.find((one) => one.name === feed.name) ?? feeds[0]!;
  const isMeant = ([option]: [string, unknown]): boolean =>
    name === feed.name || given.some((one) => one.option === option);
  const meant = Object.fromEntries(Object.entries(values).filter(isMeant)) as typeof values;
  const now = Object.entries(keepingOf(meant)).filter(([, value]) => value !== undefined);
  return { ...feed, ...Object.fromEntries(now) };
}

async function inFolder(view: QueueView, feed: string, rule: FolderRule, remove: boolean): Promise<Tidied> {
  const onFile = ({ path, bytes, why }: { path: string; bytes: number; why: string }): void =>
    print(safeText(`${remove ? 'removed' : 'would be removed'} (${why}, ${shownBytes(bytes)}): ${path}`));
  const now = { nowMs: Date.now(), pieces: new Pieces(REST_TIMES), isOver: () => false };
  return withFiles(
    view,
    feed,
    async (files) => {
      const locks = lockRoots(files.roots);
      try {
        return await pruneFolder({ view, feed, files, remove, onFile, ...now }, rule);
      } finally {
        for (const lock of locks) lock.close();
      }
    },
    (why) => unusable(feed, rule, why),
  );
}

const unusable = (feed: string, { folder }: FolderRule, why: string): EnvironmentError =>
  new EnvironmentError(
    'root_unusable',
    `${folder}/ of feed ${feed} cannot be pruned (${why}); repair that, then prune again.`,
  );

const nothingSaid = (invocation: Invocation): OperatorError =>
  new OperatorError(
    'missing_option',
    invocation.view.feed === undefined
      ? 'ingest-ctl prune needs to know what is old, but neither an option nor a feed of this state says it; add for example --keep-history 90d, --keep-duplicates 30d or --duplicates-max-bytes N.'
      : `ingest-ctl prune needs to know what of feed ${invocation.view.feed} is old, but no option says it; add for example --keep-duplicates 30d (--keep-history is for all feeds together, without --feed).`,
  );
