/** The roots of a feed whose filesystem is dead. A process that touched one could hang, so it does not enter the feed. */
import { dirname, join } from 'node:path';
import type { QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { deadMountCode } from '../../files/dead-mount.js';
import { mountsBelow } from '../../files/mounts.js';
import { type PlaceError, type PlaceKind, placeError } from '../../files/place-error.js';
import { shownName } from '../../linux/index.js';
import { recordedRoots } from '../files/recorded-roots.js';

/** `only`: the kind of place that is asked; undefined: all. */
export async function deadRoots(
  state: Pick<QueueView, 'read'>,
  feed: FeedOptions,
  only?: string,
): Promise<PlaceError[]> {
  const { name, input, manifests, warehouse } = feed;
  const work = feed.workDir ?? (recordedRoots(state, name).work || dirname(input));
  // A scan enters what is mounted below an input.
  const below = feed.recursive ? mountsBelow(input).map((at) => join(input, shownName(at))) : [];
  const places: [PlaceKind, string][] = [
    ...[input, ...below].map((path): [PlaceKind, string] => ['input', path]),
    ['work', work],
    ['manifests', manifests],
    ['warehouse', warehouse],
  ];
  const found = await Promise.all(
    places
      .filter(([kind]) => only === undefined || kind === only)
      .map(async ([kind, path]) => {
        const code = await deadMountCode(path);
        return code === undefined ? [] : [placeError(kind, path, code)];
      }),
  );
  return found.flat();
}
