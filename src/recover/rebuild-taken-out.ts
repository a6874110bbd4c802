/**
 * Lines of files that somebody took out of the warehouse again: their contents stay known. Where the file still lies there (the
 * state was lost between the correction and that), it is taken out by a job of its own.
 */
import type { Reader, Tx } from '../../queue/backend.js';
import { ulidFactory } from '../../queue/index.js';
import type { FeedOptions } from '../config/options.js';
import { contentOfGeneration } from '../ledger/content.js';
import { recordException } from '../ledger/exceptions.js';
import { payloadOf } from '../stages/job.js';
import { generationOf, type Line, type TakenOut } from './rebuild-row.js';

const newId = ulidFactory(Date.now);

export const takenOutBy = (reader: Reader, feed: string, ingestId: string): TakenOut | undefined =>
  reader.get<TakenOut>(
    'SELECT who, why, at_ms AS atMs FROM rebuild_taken_out WHERE feed = ? AND ingest_id = ?',
    feed,
    ingestId,
  );

/** Behind the entry of its line, which made it *stored*. */
export function enterTakenOut(tx: Tx, feed: FeedOptions, line: Line, { who, why, atMs }: TakenOut): 'withdrawn' {
  const generation = generationOf(line);
  const sha256 = Buffer.from(line.record.sha256, 'hex');
  const content = contentOfGeneration(tx, feed.name, sha256, generation)!;
  // Its own job is in the older state too, and does the rest.
  if (content.note === 'withdrawn' || content.note === 'pruned') return 'withdrawn';
  tx.run("UPDATE contents SET note = 'withdrawn' WHERE row = ?", content.row);
  recordException(tx, content, { generation, kind: 'withdraw', who, why, atMs });
  if (!line.isThere) return 'withdrawn';
  tx.adopt({
    ...{ id: newId(), feed: feed.name, key: content.sourcePath, identity: '', bytes: content.size, stage: 'move' },
    payload: payloadOf({
      ...{ sha256: line.record.sha256, content: content.row },
      putAway: { kind: 'withdrawn', by: who, note: why },
    }),
  });
  return 'withdrawn';
}
