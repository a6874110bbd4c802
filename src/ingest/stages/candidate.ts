import type { Entry } from '../../files/directories.js';
import type { ByteName, Stat } from '../../linux/index.js';
import { statEntry } from '../files/feed-files.js';
import { identityOf } from '../rules/identity.js';
import type { Batch } from './stage.js';

/** As the producer computes it, so that its next scan finds the row unchanged. */
export function candidateIdentity(batch: Batch, stat: Stat, entry: Entry): string {
  if (batch.feed.mode !== 'sidecar') return identityOf(stat);
  return identityOf(
    stat,
    statEntry({ dir: entry.dir, name: (entry.name + batch.feed.sidecarSuffix) as ByteName }) ?? null,
  );
}
