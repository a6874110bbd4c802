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

/** Not when the feed was given another one since: a line would name this one, and the move go to that one. */
export const isItsWarehouse = (reader: Reader, { feed }: Batch): boolean =>
  reader.get<{ path: string }>("SELECT path FROM roots WHERE feed = ? AND kind = 'warehouse'", feed.name)?.path ===
  feed.warehouse;
