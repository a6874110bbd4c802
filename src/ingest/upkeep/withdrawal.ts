/**
 * The job of a withdrawal. Its end is decided from its first row on: a worker writes the correction, if that is not done yet, and
 * takes the file out.
 * Guarantees: no file is planned for the path before the withdrawal has ended. Otherwise a consumer could take the file, the
 * next generation could get the same name, and that file would be taken out.
 */
import type { Tx } from '../../../queue/backend.js';
import type { Job, QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { nameOfBytes } from '../../linux/index.js';
import { type Content, placeOf } from '../ledger/content.js';
import { processedOf } from '../outputs/recorded.js';
import { type JobFacts, type PutAway, payloadOf } from '../rules/facts.js';
import { reserve } from '../warehouse/reserve.js';

export interface Reason {
  who: string;
  why: string;
}

/** `leave`: the file at its path belongs to somebody else, and stays. */
export function adoptWithdrawal(
  tx: Tx,
  feed: FeedOptions,
  content: Content,
  id: string,
  { who, why }: Reason,
  leave?: boolean,
): void {
  const { row, sha256, size: bytes, device, inode, mtimeNs, sourcePath: key } = content;
  // It fails where another content has the path: then no file of this content lies there, and the worker leaves the path alone.
  reserve(tx, feed.warehouse, placeOf(content), row);
  for (const { target } of processedOf(tx, row)?.outputs ?? [])
    if (target !== null) reserve(tx, feed.warehouse, nameOfBytes(target), row);
  const putAway: PutAway = { kind: 'withdrawn', by: who, note: why, ...(leave && { leave }) };
  const payload = payloadOf({ sha256: sha256.toString('hex'), content: row, putAway });
  const identity = `${device}:${inode}:${bytes}:${mtimeNs}:0`;
  tx.adopt({ id, feed: feed.name, key, identity, bytes, stage: 'move', payload });
}

/** The job of a withdrawal that has not ended yet. */
export const withdrawalOf = (
  view: Pick<QueueView, 'jobsByKey'>,
  { feed, sourcePath, row }: Pick<Content, 'feed' | 'sourcePath' | 'row'>,
): Job | undefined =>
  view.jobsByKey(feed, sourcePath).find(({ state, payload }) => {
    const { content, putAway } = payload as unknown as JobFacts;
    return state !== 'done' && content === row && putAway?.kind === 'withdrawn';
  });
