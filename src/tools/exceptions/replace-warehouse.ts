/**
 * Continues the warehouse of a feed in an empty directory, for example after a full or lost disk. Stored contents stay known, and
 * their files are not expected any more (`unconfirmed`). The state records the time for `explain`. The directory gets the marker
 * of the old warehouse.
 * Guarantees: no process works on the state meanwhile. After a kill at any point it can be run again. The marker comes last.
 * Does not: copy files. An operator who copies them copies the marker as well, and does not need this command.
 */
import { accessSync, closeSync, constants } from 'node:fs';
import type { Backend } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import { refuseOverlap } from '../../base/config/values/directories.js';
import { EnvironmentError, OperatorError } from '../../base/errors.js';
import { isOwnName, makeMarker, readMarker } from '../../files/marker.js';
import { namesIn } from '../../files/names-in.js';
import { isOfFilesystem } from '../../files/of-filesystem.js';
import { openRoot } from '../../ingest/files/feed-files.js';
import { allRoots, recordedRoots } from '../../ingest/files/recorded-roots.js';
import { noteReplaced } from '../../ingest/ledger/names.js';
import { KEPT_WHILE_UNDER_WAY, refuseMoved } from '../../ingest/upkeep/moved-roots.js';
import { lockRootsAlone } from '../../ingest/upkeep/root-locks.js';
import { unusable } from '../../ingest/upkeep/unusable-root.js';
import { type ByteName, shownName } from '../../linux/index.js';

const PAGE = 5_000;

export interface Replaced {
  /** All feeds that shared the warehouse. */
  feeds: string[];
  contents: number;
}

/** Errors: OperatorError if `warehouse` is not an empty directory (it may have the marker already); EnvironmentError if a process works on the state. */
export async function replaceWarehouse(backend: Backend, feed: FeedOptions, warehouse: string): Promise<Replaced> {
  const { markers, warehouse: before } = recordedRoots(backend, feed.name);
  const id = markers.warehouse;
  if (id === undefined) throw notYet(feed.name);
  const sharing = allRoots(backend).filter(({ kind, marker }) => kind === 'warehouse' && marker === id);
  const names = sharing.map(({ feed }) => feed);
  const roots = names.map((name) => recordedRoots(backend, name));
  refuseOverlaps(backend, warehouse);
  const locks = lockRootsAlone(
    roots.flatMap(({ work, manifests }) => [work, manifests]),
    'replace-warehouse',
  );
  try {
    const fd = openRoot(warehouse);
    try {
      // A rebuilt state may not know of the replacement, so the same one may be named again.
      const isSame = readMarker(fd)?.id === id;
      const counts = (name: ByteName) => !(isSame && isOwnName(name)) && !isOfFilesystem(name, () => true);
      const first = [...namesIn(fd)].find(counts);
      if (first !== undefined) throw isSame ? sameOne(warehouse) : notEmpty(warehouse, shownName(first));
      refuseClosed(warehouse);
      const rule = KEPT_WHILE_UNDER_WAY.find(({ kind }) => kind === 'warehouse')!;
      for (const name of names) refuseMoved(backend, { ...feed, name, warehouse }, before, rule);
      const last = lastRow(backend);
      const contents = await unconfirm(backend, names, last);
      await backend.transact((tx) => noteReplaced(tx, id, warehouse));
      makeMarker(fd, { id, kind: 'warehouse' });
      return { feeds: names, contents };
    } finally {
      closeSync(fd);
    }
  } finally {
    for (const lock of locks) lock.close();
  }
}

/** A start with the directory would be refused. Other feeds may share it as their warehouse. A retired feed is no matter. */
function refuseOverlaps(backend: Backend, warehouse: string): void {
  const feeds = new Set(backend.feeds().map(({ name }) => name));
  for (const { feed, kind, path } of allRoots(backend)) {
    if (!feeds.has(feed) || (kind === 'warehouse' && path === warehouse)) continue;
    const place = kind === 'work' ? 'work directory' : kind;
    refuseOverlap({ origin: 'DIR', path: warehouse }, { origin: `the ${place} of feed ${feed}`, path });
  }
}

/** The marker comes last, when the ledger has changed already. */
function refuseClosed(warehouse: string): void {
  try {
    accessSync(warehouse, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unusable('warehouse', warehouse, error);
  }
}

const lastRow = (backend: Backend): number =>
  backend.read((r) => r.get<{ last: number }>('SELECT coalesce(max(row), 0) AS last FROM contents'))!.last;

const STORED = "row > ? AND row <= ? AND +feed = ? AND state = 'stored'";
/** `--keep-local` would look at each of them for ever. */
const NOT_LOCAL = `UPDATE publications SET is_local = 0, is_kept = 0 WHERE content IN (SELECT row FROM contents WHERE ${STORED})`;

/** In pages, so that a state of many millions of contents stays readable meanwhile. */
async function unconfirm(backend: Backend, feeds: readonly string[], last: number): Promise<number> {
  let changed = 0;
  for (let row = 0; row < last; row += PAGE) {
    changed += await backend.transact((tx) =>
      feeds.reduce((sum, feed) => {
        const of = [row, row + PAGE, feed];
        tx.run(NOT_LOCAL, ...of);
        return sum + tx.run(`UPDATE contents SET state = 'unconfirmed' WHERE ${STORED}`, ...of).changes;
      }, 0),
    );
  }
  return changed;
}

const notYet = (feed: string): EnvironmentError =>
  new EnvironmentError(
    'root_unusable',
    `feed ${feed} has no warehouse in this state yet, so there is none to replace: start ingest.`,
  );

const sameOne = (warehouse: string): OperatorError =>
  new OperatorError(
    'warehouse_not_empty',
    `${warehouse} is the warehouse that is in use, and has files: start ingest. What is said to be missing there can only be put back.`,
  );

const notEmpty = (warehouse: string, name: string): OperatorError =>
  new OperatorError(
    'warehouse_not_empty',
    `${warehouse} must be empty, but it has ${JSON.stringify(name)}: name an empty directory. Where it is a copy of the former warehouse, copy its .ingest-root too and start ingest; nothing has to be replaced then.`,
  );
