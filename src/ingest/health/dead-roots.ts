/** The roots of a feed whose filesystem is dead. A process that touched one could hang, so it does not enter the feed. */
import { dirname } from 'node:path';
import type { QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { deadMountCode } from '../../files/dead-mount.js';
import { allMounts, type Mount, mountAbove, mountsBelow } from '../../files/mounts.js';
import { type PlaceError, type PlaceKind, placeError, STUCK, unlessRefused } from '../../files/place-error.js';
import { type ByteName, shownName } from '../../linux/index.js';
import { recordedRoots } from '../files/recorded-roots.js';
import { makeFilters } from '../rules/filters.js';

/** Without descriptors the list cannot be read, and no child can be started either: all paths count as alive. */
const mountsNow = (): Mount[] => unlessRefused(allMounts) ?? [];

/** `only`: the kind of place that is asked; undefined: all. */
export async function deadRoots(
  state: Pick<QueueView, 'read'>,
  feed: FeedOptions,
  only?: string,
  mounts = mountsNow(),
): Promise<PlaceError[]> {
  const { name, input, manifests, warehouse } = feed;
  const places: [PlaceKind, string][] = [
    ['input', input],
    ['work', feed.workDir ?? dirname(input)],
    // A start with another one finds out whether files lie in this one.
    ['work', recordedRoots(state, name).work || dirname(input)],
    ['manifests', manifests],
    ['warehouse', warehouse],
  ];
  const isAsked = ([kind]: [PlaceKind, string]): boolean => only === undefined || kind === only;
  const codeOf = (path: string) => deadMountCode(path, mountAbove(path, mounts));
  const codes = await Promise.all(
    places.filter(isAsked).map(async ([kind, path]) => ({ kind, path, code: await codeOf(path) })),
  );
  const below = isAsked(['input', input]) ? scannedBelow(feed, mounts) : [];
  const codesBelow = await Promise.all(below.map(codeOf));
  return [
    ...codes.flatMap(({ kind, path, code }) => (code === undefined ? [] : placeError(kind, path, code))),
    // One that answers with an error is a folder that cannot be read.
    ...below.filter((_, n) => codesBelow[n] === STUCK).map((path) => placeError('input', path, STUCK)),
  ];
}

/** The mounts that a scan of the input enters. */
function scannedBelow(feed: FeedOptions, mounts: readonly Mount[]): string[] {
  const { enters } = makeFilters(feed);
  const folders = feed.recursive ? mountsBelow(feed.input, mounts).filter((at) => pathsDownTo(at).every(enters)) : [];
  return folders.map((at) => `${feed.input}/${shownName(at)}`);
}

/** `a/b/c`: `a`, `a/b` and itself. */
const pathsDownTo = (path: ByteName): ByteName[] =>
  path.split('/').map((_, n, names) => names.slice(0, n + 1).join('/') as ByteName);

/** The feeds that must not be entered now, each with one of its dead roots. */
export async function deadFeeds(
  state: Pick<QueueView, 'read'>,
  feeds: readonly FeedOptions[],
): Promise<Map<string, PlaceError>> {
  const mounts = mountsNow();
  const asked = await Promise.all(
    feeds.map(async (feed) => ({ name: feed.name, dead: await deadRoots(state, feed, undefined, mounts) })),
  );
  // One that is stuck is named first: nothing may touch it.
  const worst = (dead: readonly PlaceError[]) => dead.find(({ code }) => code === STUCK) ?? dead[0];
  return new Map(asked.flatMap(({ name, dead }) => (dead.length > 0 ? [[name, worst(dead)!]] : [])));
}
