/**
 * Lines of files that somebody took out of the warehouse again: their contents stay known. Where the file still lies there (the
 * state was lost between the correction and that), it is taken out by a job of its own.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import { ulidFactory } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { contentOfGeneration } from '../../ingest/ledger/content.js';
import { recordException } from '../../ingest/ledger/exceptions.js';
import { generationOf } from '../../ingest/manifest/read.js';
import { adoptWithdrawal } from '../../ingest/upkeep/withdrawal.js';
import { dropReservation } from '../../ingest/warehouse/reserve.js';
import type { Line, TakenOut } from './state/row.js';

const newId = ulidFactory(Date.now);

export const takenOutBy = (reader: Reader, feed: string, ingestId: string): TakenOut | undefined =>
  reader.get<TakenOut>(
    'SELECT who, why, at_ms AS atMs FROM rebuild_taken_out WHERE feed = ? AND ingest_id = ?',
    feed,
    ingestId,
  );

/** After its line was entered as *stored*. `take`: the file at its path is its own, and has to go; its outputs go in any case. */
export function enterTakenOut(tx: Tx, feed: FeedOptions, line: Line, take: boolean): void {
  const { who, why, atMs } = line.takenOut!;
  const generation = generationOf(line.record);
  const sha256 = Buffer.from(line.record.sha256, 'hex');
  const content = contentOfGeneration(tx, feed.name, sha256, generation)!;
  if (content.note === 'withdrawn') return; // its own job is in the older state too, and does the rest
  tx.run("UPDATE contents SET note = 'withdrawn' WHERE row = ?", content.row);
  recordException(tx, content, { generation, kind: 'withdraw', who, why, atMs });
  if (take || line.hasOutputs) adoptWithdrawal(tx, feed, content, newId(), { who, why }, !take);
  else dropReservation(tx, content.row); // it may be left from when its file was stored
}
