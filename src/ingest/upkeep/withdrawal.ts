/**
 * The job of a withdrawal: decided from its first row on. A worker writes the correction, where that was not done yet, and
 * takes the file out.
 * Guarantees: nobody plans a file for the path before the withdrawal has ended. Without that a consumer could take the
 * file, the next generation could come under the same name, and that one would be taken out.
 */
import type { Tx } from '../../../queue/backend.js';
import type { Job, QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { nameOfBytes } from '../../linux/index.js';
import { type Content, placeOf } from '../ledger/content.js';
import { processedOf } from '../outputs/recorded.js';
import { type JobFacts, type PutAway, payloadOf } from '../rules/facts.js';
import { reserve } from '../warehouse/reserve.js';

export interface Said {
  who: string;
  why: string;
}

/** `leave`: what lies at its path is not its own, and stays. */
export function adoptWithdrawal(
  tx: Tx,
  feed: FeedOptions,
  content: Content,
  id: string,
  { who, why }: Said,
  leave?: boolean,
): void {
  const { row, sha256, size: bytes, device, inode, mtimeNs, sourcePath: key } = content;
  // False where another content has the path: then nothing of this one lies there, and the worker leaves it alone.
  reserve(tx, feed.warehouse, placeOf(content), row);
  for (const { target } of processedOf(tx, row)?.outputs ?? [])
    if (target !== null) reserve(tx, feed.warehouse, nameOfBytes(target), row);
  const putAway: PutAway = { kind: 'withdrawn', by: who, note: why, ...(leave && { leave }) };
  const payload = payloadOf({ sha256: sha256.toString('hex'), content: row, putAway });
  const identity = `${device}:${inode}:${bytes}:${mtimeNs}:0`;
  tx.adopt({ id, feed: feed.name, key, identity, bytes, stage: 'move', payload });
}

/** The job that has yet to take its file out. */
export const withdrawalOf = (
  view: Pick<QueueView, 'jobsByKey'>,
  { feed, sourcePath, row }: Pick<Content, 'feed' | 'sourcePath' | 'row'>,
): Job | undefined =>
  view.jobsByKey(feed, sourcePath).find(({ state, payload }) => {
    const { content, putAway } = payload as unknown as JobFacts;
    return state !== 'done' && content === row && putAway?.kind === 'withdrawn';
  });
