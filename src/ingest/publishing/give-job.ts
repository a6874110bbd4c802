/** Gives a content that is not in the bucket, or whose withdrawal is not, to a job. Doing it twice is safe. */
import type { Tx } from '../../../queue/backend.js';
import { ulidFactory } from '../../../queue/index.js';
import { contentByRow } from '../ledger/content.js';
import { exceptionsOf } from '../ledger/exceptions.js';
import { owePublications } from '../ledger/publications.js';
import { payloadOf } from '../rules/facts.js';
import { adoptWithdrawal, withdrawalOf } from '../upkeep/withdrawal.js';
import type { FeedBucket } from './feed-bucket.js';

export function giveJob(tx: Tx, { options, backend }: FeedBucket, row: number): void {
  const content = contentByRow(tx, row)!;
  if (content.state === 'withdrawn') {
    if (withdrawalOf(backend, content)) return;
    const said = exceptionsOf(tx, content).find(
      ({ kind, generation }) => kind === 'withdraw' && generation === content.generation,
    );
    const { who = 'ingest', why = 'withdrawn' } = said ?? {};
    // It was decided before, with an operator's word about another file that lies there.
    adoptWithdrawal(tx, options, content, ulidFactory(Date.now)(), { who, why }, 'foreign');
    return;
  }
  owePublications(tx, options, [row]);
  const { carrier: id, feed, sourcePath: key, size: bytes, device, inode, mtimeNs } = content;
  const payload = payloadOf({ content: row, sha256: content.sha256.toString('hex') });
  tx.adopt({ id, feed, key, identity: `${device}:${inode}:${bytes}:${mtimeNs}:0`, bytes, stage: 'publish', payload });
}
