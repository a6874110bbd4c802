/**
 * The first pass over all manifests: which lines name which path of a warehouse. When a line is judged later, all other lines of its
 * path are known, of every feed and hour. A single pass would not know the later ones.
 * Guarantees: idempotent, so an interruption costs only the file that was being read.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { Claimant } from '../../ingest/evidence/owner.js';
import { contentOfGeneration } from '../../ingest/ledger/content.js';
import { generationOf, linesOf, manifestFiles, processedIn, type ReadRecord } from '../../ingest/manifest/read.js';
import type { ByteName } from '../../linux/index.js';
import { type Making, note, noted } from './state/progress.js';
import { belowWarehouse, targetOf } from './state/row.js';

const BATCH = 1_000;

export async function notePaths({ backend, moved }: Making, feed: FeedOptions): Promise<void> {
  for (const { path: file } of manifestFiles(feed.manifests, 'manifest')) {
    const done = `paths:${feed.name}:${file}`;
    if (noted(backend, done) !== undefined) continue;
    let batch: ReadRecord[] = [];
    const enter = (): Promise<unknown> =>
      backend.transact((tx) => {
        for (const record of batch) noteLine(tx, feed, record, moved);
      });
    for await (const { record } of linesOf(file)) {
      if (!record || (record.feed ?? feed.name) !== feed.name) continue;
      if (batch.push(record) < BATCH) continue;
      await enter();
      batch = [];
    }
    await enter();
    await backend.transact((tx) => note(tx, done, ''));
  }
}

/** The paths of the file and of its outputs. */
function noteLine(tx: Tx, feed: FeedOptions, record: ReadRecord, moved: Making['moved']): void {
  const note = (target: ByteName | undefined, sha256: Buffer): void => {
    if (target === undefined) return; // A line of a warehouse that this feed does not have any more.
    tx.run(
      'INSERT OR IGNORE INTO rebuild_paths VALUES (?, ?, ?, ?, ?)',
      ...[pathOf(feed, target), feed.name, record.ingestId, sha256, generationOf(record)],
    );
  };
  note(targetOf(record, feed, moved), Buffer.from(record.sha256, 'hex'));
  for (const { path, sha256 } of processedIn(record)?.outputs ?? []) note(belowWarehouse(path, feed, moved), sha256);
}

export const pathOf = ({ warehouse }: FeedOptions, target: ByteName): string => `${warehouse}/${target}`;

interface Row {
  feed: string;
  ingestId: string;
  sha256: Buffer;
  generation: number;
  corrected: number;
}

/** All lines that name the path. */
export function claimantsOf(reader: Reader, path: string): Claimant[] {
  const rows = reader.all<Row>(
    `SELECT feed, ingest_id AS ingestId, sha256, generation,
       EXISTS (SELECT 1 FROM rebuild_withdrawn w WHERE w.feed = p.feed AND w.job = p.ingest_id)
         OR EXISTS (SELECT 1 FROM rebuild_taken_out t WHERE t.feed = p.feed AND t.ingest_id = p.ingest_id) AS corrected
     FROM rebuild_paths p WHERE path = ?`,
    path,
  );
  return rows.map(({ corrected, ...row }) => ({ ...row, takenBack: corrected === 1 || isOwed(reader, row) }));
}

/** The older state decided the withdrawal; its correction may not be written yet. */
function isOwed(reader: Reader, { feed, ingestId, sha256, generation }: Omit<Row, 'corrected'>): boolean {
  const content = contentOfGeneration(reader, feed, sha256, generation);
  return content?.note === 'withdrawn' && content.ingestId === ingestId;
}
