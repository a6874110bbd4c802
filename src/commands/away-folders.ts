/** Folders of feeds that are away when a command starts: missing, or on a filesystem that is dead. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { AwayFolder } from '../base/config/feeds.js';
import type { FeedOptions } from '../base/config/options.js';
import type { Invocation } from '../base/config/read.js';
import { statePathOf } from '../base/config/state-path.js';
import { realOrFuturePath } from '../base/config/values/directories.js';
import { EnvironmentError } from '../base/errors.js';
import { deadMountCode } from '../files/dead-mount.js';
import { placeError } from '../files/place-error.js';
import { withStateAt } from './state.js';

/**
 * A service that starts while a folder is away (its disk is not mounted, or does not answer) goes on with its other feeds: the stages
 * take it for a failing place, as they do while the service runs. Where `mayBeAway` is false, all must be there.
 * Errors: EnvironmentError, for a folder whose filesystem is dead and that the state does not know. Nothing touches it.
 */
export async function awayFolders(invocation: Invocation, mayBeAway: boolean): Promise<AwayFolder> {
  const folders = invocation.feeds.flatMap(({ name, values }) =>
    FOLDERS.flatMap((option) => {
      const given = values[option];
      return given === undefined ? [] : [{ feed: name, option, path: resolve(given) }];
    }),
  );
  const ask = ({ path }: FolderOf, withinMs: number) => deadMountCode(path, path, withinMs);
  const found: { folder: FolderOf; dead: string | undefined }[] = [];
  for (let n = 0; n < folders.length; n += AT_ONCE)
    await Promise.all(
      folders.slice(n, n + AT_ONCE).map(async (folder) => {
        const dead = await ask(folder, mayBeAway ? SERVICE_WAITS_MS : COMMAND_WAITS_MS);
        if (dead !== undefined || !existsSync(folder.path)) found.push({ folder, dead });
      }),
    );
  const first = found.find(({ folder, dead }) => dead !== undefined && saysState(folder, invocation));
  if (first !== undefined && (await ask(first.folder, COMMAND_WAITS_MS)) !== undefined)
    throw stateUnknown(first.folder, first.dead!);
  const known = found.length > 0 && mayBeAway ? await feedsOfState(statePathOf(invocation, process.env)) : NO_FEEDS;
  const away = new Map<string, string>();
  for (const { folder, dead } of found) {
    const { feed, option } = folder;
    const real = knownAs(known.get(feed), folder, dead !== undefined);
    if (real !== undefined) away.set(`${feed}:${option}`, real);
    else if (dead !== undefined) {
      const still = await ask(folder, COMMAND_WAITS_MS);
      if (still !== undefined) throw new EnvironmentError('root_unusable', `${sentenceOf(folder, still)}.`);
    }
  }
  return (feed, option) => away.get(`${feed}:${option}`);
}

/** Without --state-path, the path of the state comes from the real path of the first input. */
const saysState = ({ feed, option }: FolderOf, { service, feeds }: Invocation): boolean =>
  service['state-path'] === undefined && option === 'input' && feed === feeds[0]?.name;

const stateUnknown = (input: FolderOf, dead: string): EnvironmentError =>
  new EnvironmentError(
    'root_unusable',
    `${sentenceOf(input, dead)}, and it says where the state lies; or add --state-path.`,
  );

const sentenceOf = ({ option, path }: FolderOf, dead: string): string =>
  placeError(option === 'work-dir' ? 'work' : option, path, dead).message;

/** How many folders are asked at the same time. */
const AT_ONCE = 32;
/** For a folder that the state knows: the service asks again while it runs. */
const SERVICE_WAITS_MS = 2_000;
/** A disk that spins up takes longer. */
const COMMAND_WAITS_MS = 10_000;

const FOLDERS = ['input', 'warehouse', 'manifests', 'work-dir'] as const;

interface FolderOf {
  feed: string;
  option: (typeof FOLDERS)[number];
  /** As it was given, made absolute. */
  path: string;
}

type KnownFeeds = ReadonlyMap<string, FeedOptions>;
const NO_FEEDS: KnownFeeds = new Map();

async function feedsOfState(statePath: string): Promise<KnownFeeds> {
  if (!existsSync(statePath)) return NO_FEEDS;
  try {
    return await withStateAt(
      statePath,
      (view) => new Map(view.feeds().map(({ name, options }) => [name, options as unknown as FeedOptions])),
    );
  } catch {
    return NO_FEEDS; // The process that opens the state to write says what is wrong with it.
  }
}

/** The real path under which the state knows a folder. A dead one is known by its text alone; a missing one may have another. */
function knownAs(feed: FeedOptions | undefined, { option, path }: FolderOf, isDead: boolean): string | undefined {
  const real = option === 'work-dir' ? feed?.workDir : feed?.[option];
  const link = option === 'work-dir' ? undefined : feed?.links?.[option];
  const isSame = isDead ? path === real || path === link : realOrFuturePath(path) === real;
  return isSame ? real : undefined;
}
