/** Enters a line of a part into a state that does not know it: a rebuilt one, or an older copy. */
import type { Tx } from '../../../queue/backend.js';
import { type Content, contentOfGeneration, generationsOf } from '../ledger/content.js';
import { enterPublications } from '../ledger/publications.js';
import { generationOf, processedIn, type ReadRecord, recordOf } from '../manifest/read.js';

/** A line of our own about the same content is dropped. Doing it twice is safe. */
export function enterLine(tx: Tx, feed: string, part: string, line: string): void {
  const record = recordOf(line);
  const isCorrection = record?.fields.correction !== undefined;
  const content = record && contentOf(tx, feed, record, isCorrection);
  if (!content) return;
  tx.run('DELETE FROM part_lines WHERE content = ? AND is_correction = ?', content.row, isCorrection ? 1 : 0);
  if (isCorrection) {
    tx.run('UPDATE publications SET correction = ? WHERE content = ? AND n = 0', part, content.row);
    return;
  }
  enterPublications(tx, content, keysIn(record));
  tx.run("UPDATE publications SET etag = coalesce(etag, ''), upload = NULL WHERE content = ?", content.row);
  tx.run('UPDATE publications SET part = ? WHERE content = ? AND n = 0', part, content.row);
  // Nobody saw it at its target, and it is in the bucket.
  if (content.state === 'unconfirmed' && content.target !== null) {
    tx.run("UPDATE contents SET state = 'stored' WHERE row = ?", content.row);
    tx.run('UPDATE publications SET is_local = 0 WHERE content = ?', content.row);
  }
}

/** A correction names no generation. */
function contentOf(tx: Tx, feed: string, record: ReadRecord, isCorrection: boolean): Content | undefined {
  const sha256 = Buffer.from(record.sha256, 'hex');
  const all = isCorrection
    ? generationsOf(tx, feed, sha256)
    : [contentOfGeneration(tx, feed, sha256, generationOf(record))];
  return all.find((one) => one?.ingestId === record.ingestId);
}

/** The keys of the objects that a line names: its own, and those of its outputs. */
function keysIn(record: ReadRecord): { n: number; key: string }[] {
  const outputs = processedIn(record)?.outputs ?? [];
  const paths = [String(record.fields.warehouse_path), ...outputs.map(({ path }) => path.toString('utf8'))];
  return paths.map((path, n) => ({ n, key: path.replace(/^s3:\/\/[^/]+\//, '') }));
}
