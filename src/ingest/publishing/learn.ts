/** Enters what the parts in a bucket say into a state that does not know them: a new one, a rebuilt one, or an older copy. */
import type { Tx } from '../../../queue/backend.js';
import type { PartKind } from '../../bucket/keys.js';
import { type Content, contentOfGeneration, generationsOf } from '../ledger/content.js';
import { bucketRow, enterPublications } from '../ledger/publications.js';
import { generationOf, processedIn, type ReadRecord, recordOf } from '../manifest/read.js';
import { msOf, partIsPut } from './parts.js';

/** The state has put this part, or sees now that it did. */
export function isKnownPart(tx: Tx, feed: string, id: string): boolean {
  const part = tx.get<{ isClosed: 0 | 1 }>('SELECT bytes IS NOT NULL AS isClosed FROM parts WHERE id = ?', id);
  if (part?.isClosed) partIsPut(tx, id);
  // An open part cannot be in the bucket: it was closed and put after this state was copied.
  return part ? part.isClosed === 1 : msOf(id) <= bucketRow(tx, feed)!.partMs;
}

/** Lines that are not in the bucket. Their contents are due again, and so is every other one that the bucket does not have. */
export function dropUnput(tx: Tx, feed: string): void {
  const its = 'SELECT content FROM part_lines WHERE part IN (SELECT id FROM parts WHERE feed = ? AND kind = ?)';
  tx.run(`UPDATE publications SET part = NULL WHERE n = 0 AND content IN (${its})`, feed, 'manifests');
  tx.run(`UPDATE publications SET correction = NULL WHERE n = 0 AND content IN (${its})`, feed, 'corrections');
  tx.run('DELETE FROM part_lines WHERE part IN (SELECT id FROM parts WHERE feed = ?)', feed);
  tx.run('DELETE FROM parts WHERE feed = ?', feed);
  tx.run('UPDATE buckets SET cursor = 0 WHERE feed = ?', feed);
}

/** Everything up to this part was read. */
export const enterPart = (tx: Tx, feed: string, id: string): void =>
  void tx.run('UPDATE buckets SET part_ms = max(part_ms, ?) WHERE feed = ?', msOf(id), feed);

/** Returns whether the line is of a content of this state. Doing it twice is safe. */
export function enterLine(
  tx: Tx,
  feed: string,
  { kind, id, line }: { kind: PartKind; id: string; line: string },
): boolean {
  const record = recordOf(line);
  const content = record && contentOf(tx, feed, kind, record);
  if (!content) return false;
  if (kind === 'corrections') {
    tx.run('UPDATE publications SET correction = ? WHERE content = ? AND n = 0', id, content.row);
    return true;
  }
  enterPublications(tx, content.row, keysIn(record));
  tx.run("UPDATE publications SET etag = coalesce(etag, '') WHERE content = ?", content.row);
  tx.run('UPDATE publications SET part = ? WHERE content = ? AND n = 0', id, content.row);
  // Nobody saw it at its target, and it is in the bucket.
  if (content.state === 'unconfirmed' && content.target !== null) {
    tx.run("UPDATE contents SET state = 'stored' WHERE row = ?", content.row);
    tx.run('UPDATE publications SET is_local = 0 WHERE content = ?', content.row);
  }
  return true;
}

function contentOf(tx: Tx, feed: string, kind: PartKind, record: ReadRecord): Content | undefined {
  const sha256 = Buffer.from(record.sha256, 'hex');
  const all =
    kind === 'corrections'
      ? generationsOf(tx, feed, sha256)
      : [contentOfGeneration(tx, feed, sha256, generationOf(record))];
  return all.find((one) => one?.ingestId === record.ingestId);
}

/** The keys of the objects that a line names: those of its outputs, and its own. */
function keysIn(record: ReadRecord): { n: number; key: string }[] {
  const outputs = processedIn(record)?.outputs ?? [];
  const paths = [String(record.fields.warehouse_path), ...outputs.map(({ path }) => path.toString('utf8'))];
  return paths.map((path, n) => ({ n, key: path.replace(/^s3:\/\/[^/]+\//, '') }));
}
