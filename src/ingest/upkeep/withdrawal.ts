/**
 * The job of a withdrawal. Its end is decided from its first row on: a worker writes the correction, if that is not done yet, and
 * takes the file out. No other file gets its name meanwhile: a name is given once.
 */
import type { Tx } from '../../../queue/backend.js';
import type { Job, QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { Content } from '../ledger/content.js';
import { type JobFacts, type PutAway, payloadOf } from '../rules/facts.js';

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
