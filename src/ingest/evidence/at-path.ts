/**
 * Finds out whose file lies at a stored content's path, from the rows of the ledger and the bytes on disk.
 * Guarantees: answers `mine` only for a file whose bytes were read. An inode is no proof: after a copy across filesystems, a
 * restore or a rebuild no inode matches.
 */
import type { Backend, Reader } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import { type FeedFiles, statEntry } from '../files/feed-files.js';
import { type Content, contentByRow, generationsOf, placeOf } from '../ledger/content.js';
import { prunedByHash } from '../ledger/pruned.js';
import { reservedFor } from '../warehouse/reserve.js';
import { contentAt } from '../warehouse/target.js';
import type { Case } from './case.js';
import { type Claimant, ownerOf } from './owner.js';

export interface Asked {
  feed: FeedOptions;
  /** All feeds of the state: several may put their files into the same warehouse. */
  feeds: readonly FeedOptions[];
  files: FeedFiles;
  content: Content;
  /** Called before the bytes are read. */
  reading?: () => void;
}

/** Errors: as the calls give them. */
export async function whoseFileAt(state: Pick<Backend, 'read'>, { reading, ...asked }: Asked): Promise<Case['path']> {
  const { files, content } = asked;
  const target = placeOf(content);
  const entry = files.entryOrNone(files.warehouse, target);
  const stat = statEntry(entry);
  if (!entry || !stat) return 'free';
  if (state.read((reader) => isPlannedByAnother(reader, asked))) return 'others_line';
  reading?.();
  const sha256 = await contentAt(entry);
  if (sha256 === undefined) return 'foreign';
  return state.read((reader) => {
    const owner = ownerOf(claimantsOf(reader, asked, sha256), sha256);
    if (owner) return owner.row === content.row ? 'mine' : 'others_line';
    return isPruned(reader, asked, sha256) ? 'others_line' : 'foreign';
  });
}

/** The record of a pruned content has no path any more; its line has. */
const isPruned = (reader: Reader, asked: Asked, sha256: Buffer): boolean =>
  feedsOfWarehouse(asked).some(({ name }) => prunedByHash(reader, name, sha256) !== undefined);

/** The feeds that put their files into this warehouse. */
const feedsOfWarehouse = ({ feed, feeds }: Asked): FeedOptions[] =>
  feeds.filter(({ warehouse }) => warehouse === feed.warehouse);

/**
 * Another content has the path reserved: its file lies there, or will, so the earlier file at the path is gone. A withdrawal keeps its
 * path too, and a restored state may bring back a withdrawal that ended long ago. So a withdrawal does not count.
 */
export function isPlannedByAnother(reader: Reader, { feed, content }: Pick<Asked, 'feed' | 'content'>): boolean {
  const holder = reservedFor(reader, feed.warehouse, placeOf(content));
  return holder !== undefined && holder !== content.row && contentByRow(reader, holder)?.note !== 'withdrawn';
}

/** The rows with these bytes that name the path. A row with other bytes cannot own the file. */
function claimantsOf(reader: Reader, asked: Asked, sha256: Buffer): (Claimant & { row: number })[] {
  return feedsOfWarehouse(asked)
    .flatMap(({ name }) => generationsOf(reader, name, sha256))
    .filter(({ target }) => target?.equals(asked.content.target!))
    .map(({ row, ingestId, generation, note }) => {
      return { row, ingestId: ingestId!, sha256, generation, takenBack: note === 'withdrawn' };
    });
}
