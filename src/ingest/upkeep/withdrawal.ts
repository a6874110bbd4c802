/**
 * The job of a withdrawal. Its end is decided from its first row on: a worker writes the correction, if that is not done yet, and
 * takes the file out. No other file gets its name meanwhile: a name is given once.
 */
import type { Tx } from '../../../queue/backend.js';
import type { Job, QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { Content } from '../ledger/content.js';
import { recordException } from '../ledger/exceptions.js';
import { TOLD_OF_AN_END } from '../ledger/host.js';
import { correctionLine } from '../manifest/record.js';
import { type JobFacts, type PutAway, payloadOf } from '../rules/facts.js';

export interface Reason {
  who: string;
  why: string;
}

/** The decision itself. `id`: of its job, which writes the correction. */
export function decideWithdrawal(tx: Tx, feed: FeedOptions, content: Content, id: string, { who, why }: Reason): void {
  const { row, generation } = content;
  recordException(tx, content, { generation, kind: 'withdraw', who, why });
  tx.run(
    `UPDATE contents SET state = 'withdrawn', updated_at_ms = ?, told = ${TOLD_OF_AN_END} WHERE row = ?`,
    tx.wallMs,
    row,
  );
  const line = correctionLine(content, feed, why, tx.wallMs, who);
  tx.run('INSERT INTO corrections (job, hour, line) VALUES (?, ?, ?)', id, content.hour, line);
}

/** `leave`: the file at its path belongs to somebody else, and stays. */
export function adoptWithdrawal(
  tx: Tx,
  feed: FeedOptions,
  content: Content,
  id: string,
  { who, why }: Reason,
  leave?: boolean | 'foreign',
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
