/**
 * A safety net for appends: plans a content again if its line is planned and not confirmed, and no append has it. Our code never
 * leaves a content like that; without this file its job would come back for ever.
 * Guarantees: plan and append are one transaction, and so are confirmation and the end of the append. So an append that is being
 * written again is seen inside the planning transaction, and a line that is already there is not written twice.
 */
import type { Tx } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import { processedOf } from '../chains/recorded-outputs.js';
import { type Content, contentByRow } from '../ledger/content.js';
import type { Items } from './append.js';
import { linesOf } from './read.js';
import { manifestLine } from './record.js';
import { UnreadableManifest } from './unpack.js';
import { appendTo, fileName, type ManifestFile, type Written } from './write.js';

export async function planAgain({ row }: Content, file: ManifestFile, feed: FeedOptions): Promise<Written> {
  const still = file.backend.read((reader) => contentByRow(reader, row));
  // It was confirmed since it was read: the next round sees that.
  if (still?.state !== 'carried' || still.target === null) return 'nothing';
  const planned = (tx: Tx): Content | undefined => {
    const content = contentByRow(tx, row);
    const isOpen = content?.state === 'carried' && content.target !== null && !isInAppend(tx, file.feed, row);
    return isOpen ? content : undefined;
  };
  if (await hasLine(fileName(file), still.ingestId!)) {
    await file.backend.transact((tx) => {
      if (planned(tx))
        tx.run("UPDATE contents SET state = 'manifested', updated_at_ms = ? WHERE row = ?", tx.wallMs, row);
    });
    return 'written';
  }
  return appendTo(file, (tx) => {
    const content = planned(tx);
    return content && { lines: manifestLine(content, feed, processedOf(tx, row)), items: { rows: [row], jobs: [] } };
  });
}

async function hasLine(path: string, ingestId: string): Promise<boolean> {
  try {
    for await (const { record } of linesOf(path)) if (record?.ingestId === ingestId) return true;
  } catch (error) {
    // Missing or unreadable: the append will find that itself.
    if (!(error instanceof UnreadableManifest)) throw error;
  }
  return false;
}

const isInAppend = (tx: Tx, feed: string, row: number): boolean =>
  tx
    .all<{ items: string }>('SELECT items FROM appends WHERE feed = ?', feed)
    .some(({ items }) => (JSON.parse(items) as Items).rows.includes(row));
