/**
 * Handles the lines of withdrawn files: their contents stay known. If the file is still in the warehouse (the state was lost after
 * the correction and before the removal), a job of its own takes it out.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import { ulidFactory } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { contentOfGeneration } from '../../ingest/ledger/content.js';
import { recordException } from '../../ingest/ledger/exceptions.js';
import { generationOf } from '../../ingest/manifest/read.js';
import { adoptWithdrawal } from '../../ingest/upkeep/withdrawal.js';
import type { Line, TakenOut } from './state/row.js';

const newId = ulidFactory(Date.now);

export const takenOutBy = (reader: Reader, feed: string, ingestId: string): TakenOut | undefined =>
  reader.get<TakenOut>(
    'SELECT who, why, at_ms AS atMs FROM rebuild_taken_out WHERE feed = ? AND ingest_id = ?',
    feed,
    ingestId,
  );

/** Called after the line was entered as *stored*. `take`: the file at its path is its own and must be removed. Its outputs are removed in any case. */
export function enterTakenOut(tx: Tx, feed: FeedOptions, line: Line, take: boolean): void {
  const { who, why, atMs } = line.takenOut!;
  const generation = generationOf(line.record);
  const sha256 = Buffer.from(line.record.sha256, 'hex');
  const content = contentOfGeneration(tx, feed.name, sha256, generation)!;
  if (content.state === 'withdrawn') return; // Its own job is in the older state as well, and does the rest.
  tx.run("UPDATE contents SET state = 'withdrawn' WHERE row = ?", content.row);
  recordException(tx, content, { generation, kind: 'withdraw', who, why, atMs });
  if (take || line.hasOutputs) adoptWithdrawal(tx, feed, content, newId(), { who, why }, !take);
}
