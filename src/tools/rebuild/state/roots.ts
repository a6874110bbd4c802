/**
 * The checks before a rebuild: the work directory of each feed, the state that the folders belong to, and that no process works.
 * Does not: create or change anything.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import type { FeedOptions } from '../../../base/config/options.js';
import { EnvironmentError } from '../../../base/errors.js';
import { typed } from '../../../base/shell.js';
import { MARKER } from '../../../files/marker.js';
import { manifestFiles } from '../../../ingest/manifest/read.js';
import { putsBack } from '../../../ingest/upkeep/lost-marker.js';
import { markerAt } from '../../../ingest/upkeep/root-locks.js';
import { chooseWork, possibleWork } from '../../../ingest/upkeep/work-place.js';
import type { Judged } from './place.js';

/**
 * The feeds, each with its work directory; the UUID of the lost state, undefined if no folder was ever set up; and the user who set
 * the folders up, who gets what a rebuild creates as root.
 * Errors: EnvironmentError `two_states`; `second_state` if the state of the folders still exists.
 */
export function findRoots(given: readonly FeedOptions[], statePath: string) {
  const feeds = given.map((feed) => ({ ...feed, workDir: workOf(feed) }));
  const found = new Map<string, string>();
  let owner: Pick<Stats, 'uid' | 'gid'> | undefined;
  for (const root of feeds.flatMap(({ manifests, workDir }) => [manifests, workDir])) {
    const { state: uuid, statePath: its } = markerAt(root) ?? {};
    if (uuid === undefined) continue;
    if (its !== undefined && its !== statePath && existsSync(its)) throw stillThere(root, its, statePath);
    const { uid, gid } = statSync(join(root, MARKER));
    owner ??= { uid, gid };
    const [[other, where] = [uuid, root]] = found;
    if (other !== uuid) {
      throw new EnvironmentError(
        'two_states',
        `${where} belongs to the state ${nameOf(where, other)} and ${root} to ${nameOf(root, uuid)}: one rebuild is for one state, so name only the feeds of one of them.`,
      );
    }
    found.set(uuid, root);
  }
  return { feeds, uuid: [...found.keys()][0], owner };
}

const stillThere = (root: string, its: string, statePath: string): EnvironmentError =>
  new EnvironmentError(
    'second_state',
    `${root} belongs to the state ${its}, which is still there, and --state-path is ${statePath}: use that state, or move it away if it is the wrong one.`,
  );

const nameOf = (root: string, uuid: string): string => markerAt(root)?.statePath ?? uuid;

/** Returns the work directory that was set up, else the one that a start would choose. */
const workOf = (feed: FeedOptions): string =>
  possibleWork(feed).find((work) => markerAt(work)?.kind === 'work') ??
  feed.workDir ??
  chooseWork(feed.input, () => {});

/** With a warehouse that is not mounted, it would seem that a consumer took every file. */
export function refuseMissingWarehouse(feeds: readonly FeedOptions[], known: Judged['warehouses']): void {
  for (const { name, warehouse, manifests } of feeds) {
    if (markerAt(warehouse) !== undefined || markerAt(manifests) === undefined) continue;
    if (manifestFiles(manifests, 'manifest').next().done) continue;
    const marker = { id: known.get(warehouse) ?? randomUUID(), kind: 'warehouse' };
    throw new EnvironmentError(
      'warehouse_missing',
      `feed ${name} has manifests, but its warehouse ${warehouse} has no marker ${MARKER}, so this is not the directory that they speak of: mount it there and run ${typed('ingest-ctl rebuild')} again. If it is the right one and only its marker is lost, put it back: ${putsBack(warehouse, marker)}`,
    );
  }
}
