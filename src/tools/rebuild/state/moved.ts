/**
 * Handles roots that have moved since the state recorded them: to another host, below another mount point, with other inodes.
 * Guarantees: a root counts as moved only if its marker has the recorded id, so it is the same root, whole, with the files that
 * were on the way in it. Rows that name it by path get the new path. Written lines stay.
 * Does not: search for a root; the options name it.
 */
import type { Job, Tx } from '../../../../queue/backend.js';
import type { QueueView } from '../../../../queue/index.js';
import type { FeedOptions } from '../../../base/config/options.js';
import { enterWarehouse } from '../../../ingest/ledger/names.js';
import { type JobFacts, payloadOf } from '../../../ingest/rules/facts.js';
import { markerAt } from '../../../ingest/upkeep/root-locks.js';
import type { SealedFile } from './sealed.js';

const KINDS = ['work', 'manifests', 'warehouse'] as const;

export interface MovedRoot {
  feed: string;
  kind: (typeof KINDS)[number];
  from: string;
  to: string;
}

/** `feeds`: each with its work directory. Reads from the disk. */
export function movedRoots(state: Pick<QueueView, 'read'>, feeds: readonly FeedOptions[]): MovedRoot[] {
  const recorded = state.read((r) =>
    r.all<{ feed: string; kind: string; path: string; marker: string | null }>(
      'SELECT feed, kind, path, marker FROM roots',
    ),
  );
  return feeds.flatMap((feed) => {
    const now = { work: feed.workDir!, manifests: feed.manifests, warehouse: feed.warehouse };
    return KINDS.flatMap((kind) => {
      const before = recorded.find((row) => row.feed === feed.name && row.kind === kind);
      const isMoved = before && before.path !== now[kind] && markerAt(now[kind])?.id === before.marker;
      return isMoved ? [{ feed: feed.name, kind, from: before.path, to: now[kind] }] : [];
    });
  });
}

export function followMoved(tx: Tx, moved: readonly MovedRoot[]): void {
  const follow = (table: string, path: string, { from, to }: MovedRoot) =>
    tx.run(
      `UPDATE ${table} SET ${path} = ? || substr(${path}, length(?) + 1) WHERE substr(${path}, 1, length(?)) = ?`,
      ...[`${to}/`, `${from}/`, `${from}/`, `${from}/`],
    );
  for (const one of moved) {
    const { feed, kind, from, to } = one;
    tx.run('UPDATE roots SET path = ? WHERE feed = ? AND kind = ?', to, feed, kind);
    follow('periods', 'folder', one);
    // The ends of manifests are read again. An open append is dropped, and its missing lines are planned again.
    if (kind === 'manifests')
      tx.run('DELETE FROM manifest_ends WHERE substr(file, 1, length(?)) = ?', `${from}/`, `${from}/`);
    const marker = tx.get<{ marker: string }>(
      'SELECT marker FROM roots WHERE feed = ? AND kind = ?',
      feed,
      kind,
    )?.marker;
    if (kind === 'warehouse' && marker) enterWarehouse(tx, marker, to);
  }
}

/** Returns the sealed file of a job that has the same bytes in another inode. */
export function followSealed(tx: Tx, job: Job, facts: JobFacts, own: readonly SealedFile[]): void {
  const { sealed, sha256 } = facts;
  const file = own.find(({ part }) => part === 'file');
  if (!sealed || !file || file.identity === sealed.identity || file.sha256.toString('hex') !== sha256) return;
  const { identity } = file;
  tx.amend(job.id, { identity, payload: payloadOf({ ...facts, sealed: { ...sealed, identity } }) });
}
