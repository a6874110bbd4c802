/** The manifest file and the warehouse that the lines of a batch belong to. */
import type { Reader } from '../../../queue/backend.js';
import { manifestPath } from '../manifest/append.js';
import type { ManifestFile } from '../manifest/write.js';
import type { Batch } from '../steps/stage.js';

export const fileOf = (batch: Batch, hour: string): ManifestFile => ({
  backend: batch.backend,
  emit: batch.emit,
  feed: batch.feed.name,
  manifests: batch.feed.manifests,
  root: batch.files.manifests,
  path: manifestPath(hour),
});

/** False where the feed got another warehouse since: the line would name this one, and the move would go to the other one. */
export const isItsWarehouse = (reader: Reader, { feed }: Batch): boolean =>
  reader.get<{ path: string }>("SELECT path FROM roots WHERE feed = ? AND kind = 'warehouse'", feed.name)?.path ===
  feed.warehouse;
