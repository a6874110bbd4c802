/** The candidate that the producer would offer for a file. */
import type { FeedOptions } from '../../base/config/options.js';
import type { Entry } from '../../files/directories.js';
import type { Stat } from '../../linux/index.js';
import { statEntry } from '../files/feed-files.js';
import { sidecarOf } from '../files/sidecar.js';
import { countedBytes, identityOf } from '../rules/identity.js';
import type { CandidateNow } from './order.js';

/** The same identity as the producer computes, so that its next scan finds the row unchanged. */
export function candidateOf(feed: FeedOptions, stat: Stat, entry: Entry): CandidateNow {
  const hasSidecars = feed.mode === 'sidecar';
  const sidecar = hasSidecars ? (statEntry({ dir: entry.dir, name: sidecarOf(entry.name, feed) }) ?? null) : undefined;
  return { identity: identityOf(stat, sidecar), bytes: countedBytes(stat.size) };
}
