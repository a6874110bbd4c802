/**
 * Handles roots that have moved since the state recorded them: to another folder, host or mount point, with other inodes.
 * Guarantees: a root counts as moved only if its marker has the recorded id, so it is the same root, whole, with the files that
 * were on the way in it. Rows that name it by path get the new path, so a marker that a reader removed does not come again. Written
 * lines stay.
 * Does not: search for a root; the options name it.
 */
import type { Tx } from '../../../queue/backend.js';
import type { QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { allRoots } from '../files/recorded-roots.js';
import { enterWarehouse } from '../ledger/names.js';
import { below } from '../periods/period.js';
import { markerAt } from './root-locks.js';

const KINDS = ['work', 'manifests', 'warehouse'] as const;

export interface MovedRoot {
  feed: string;
  kind: (typeof KINDS)[number];
  from: string;
  to: string;
}

/** Reads from the disk. A feed without a work directory keeps the recorded one. */
export function movedRoots(state: Pick<QueueView, 'read'>, feeds: readonly FeedOptions[]): MovedRoot[] {
  const recorded = allRoots(state);
  return feeds.flatMap((feed) => {
    const now = { work: feed.workDir, manifests: feed.manifests, warehouse: feed.warehouse };
    return KINDS.flatMap((kind) => {
      const before = recorded.find((row) => row.feed === feed.name && row.kind === kind);
      const to = now[kind] ?? before?.path;
      const isMoved = before && to !== undefined && before.path !== to && markerAt(to)?.id === before.marker;
      return isMoved ? [{ feed: feed.name, kind, from: before.path, to }] : [];
    });
  });
}

/** The tables whose rows name a root by path: the name, the column with the path, and the other columns. */
const PERIODS = ['periods', 'folder', 'state, owner, waits_job, waits_why, changed_ms'] as const;
const ENDS = ['manifest_ends', 'file', 'feed, inode, end_at'] as const;
/** The way such a path goes on below its root. Another root may lie in there. */
const INSIDE = { manifests: '[0-9][0-9][0-9][0-9]/*', warehouse: 'ingest_date=*' };

/** `feeds`: those of the state. A retired feed keeps its roots in the table, and needs no row there. */
export function followMoved(tx: Tx, moved: readonly MovedRoot[], feeds: readonly string[]): void {
  for (const one of moved) {
    const { feed, kind, to } = one;
    tx.run('UPDATE roots SET path = ? WHERE feed = ? AND kind = ?', to, feed, kind);
    if (kind === 'work') continue;
    const isOthers = (root: string) =>
      tx
        .all<{ name: string }>('SELECT feed AS name FROM roots WHERE kind = ? AND path = ?', kind, root)
        .some(({ name }) => name !== feed && feeds.includes(name));
    follow(tx, PERIODS, one, INSIDE[kind], isOthers);
    if (kind === 'manifests') follow(tx, ENDS, one, INSIDE[kind], isOthers);
    const marker = tx.get<{ marker: string }>(
      'SELECT marker FROM roots WHERE feed = ? AND kind = ?',
      feed,
      kind,
    )?.marker;
    if (kind === 'warehouse' && marker) enterWarehouse(tx, marker, to);
  }
}

/** A feed that shares the old folder keeps its rows there. Rows of one that shares the new folder are of now, and stay as they are. */
function follow(
  tx: Tx,
  [table, path, rest]: typeof PERIODS | typeof ENDS,
  { from, to }: MovedRoot,
  inside: string,
  isOthers: (root: string) => boolean,
): void {
  const where = `${path} >= ? AND ${path} < ? AND substr(${path}, length(?) + 2) GLOB ?`;
  const there = [...below(`${from}/`), from, inside];
  tx.run(
    `INSERT OR ${isOthers(to) ? 'IGNORE' : 'REPLACE'} INTO ${table} (${path}, ${rest})
       SELECT ? || substr(${path}, length(?) + 1), ${rest} FROM ${table} WHERE ${where}`,
    ...[to, from, ...there],
  );
  if (!isOthers(from)) tx.run(`DELETE FROM ${table} WHERE ${where}`, ...there);
}
