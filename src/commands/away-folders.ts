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
  const withinMs = mayBeAway ? SERVICE_WAITS_MS : COMMAND_WAITS_MS;
  const asked = await Promise.all(
    folders.map(async (folder) => ({ folder, dead: await deadMountCode(folder.path, { by: folder.path, withinMs }) })),
  );
  const found = asked.filter(({ folder, dead }) => dead !== undefined || !existsSync(folder.path));
  const known = found.length > 0 && mayBeAway ? await feedsOfState(statePathOf(invocation, process.env)) : NO_FEEDS;
  const away = new Map<string, string>();
  for (const { folder, dead } of found) {
    const { feed, option, path } = folder;
    const real = knownAs(known.get(feed), option, path, dead !== undefined);
    if (real !== undefined) away.set(`${feed}:${option}`, real);
    else if (dead !== undefined) {
      const reason = placeError(option === 'work-dir' ? 'work' : option, path, dead).message;
      throw new EnvironmentError('root_unusable', `${reason}.`);
    }
  }
  return (feed, option) => away.get(`${feed}:${option}`);
}

/** A service asks again while it runs. A command that ends would fail for a disk that spins up. */
const SERVICE_WAITS_MS = 2_000;
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
function knownAs(
  feed: FeedOptions | undefined,
  option: FolderOf['option'],
  path: string,
  isDead: boolean,
): string | undefined {
  const real = option === 'work-dir' ? feed?.workDir : feed?.[option];
  const link = option === 'work-dir' ? undefined : feed?.links?.[option];
  const isSame = isDead ? path === real || path === link : realOrFuturePath(path) === real;
  return isSame ? real : undefined;
}
