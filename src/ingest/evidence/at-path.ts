/**
 * Finds out whose file lies at a path in the warehouse: a name is given once, so the row of the name says whose it is, and the bytes
 * say whether it is still the same file. The same question for a content's own file and for its outputs.
 * Guarantees: answers `mine` only for a file whose bytes were read. An inode is no proof: after a copy across filesystems, a
 * restore or a rebuild no inode matches.
 */
import type { Backend, Reader } from '../../../queue/backend.js';
import { inPlaceAsync } from '../../files/place-error.js';
import { type FeedFiles, statEntry } from '../files/feed-files.js';
import { givenAt, hasLeft, warehouseOf } from '../ledger/names.js';
import { contentAt } from '../warehouse/target.js';
import type { Case } from './case.js';
import type { Name } from './names.js';

export interface Asked {
  feed: string;
  files: FeedFiles;
  name: Name;
  /** Called before the bytes are read. */
  reading?: () => void;
}

/** Errors: PlaceError; as the calls give them. */
export async function whoseFileAt(state: Pick<Backend, 'read'>, asked: Asked): Promise<Case['path']> {
  const { feed, files, name, reading } = asked;
  const entry = files.entryOrNone(files.warehouse, name.target);
  if (!entry || !statEntry(entry)) return 'free';
  const holder = state.read((reader) => holderOf(reader, feed, name));
  if (holder !== 'its') return holder;
  reading?.();
  const sha256 = await inPlaceAsync('warehouse', files.roots.warehouse, 'read', () => contentAt(entry));
  return sha256?.equals(name.sha256) ? 'mine' : 'foreign';
}

/** The holder of the name in the feed's warehouse: this content, another one, or nobody (then a stranger's file lies there). */
export function holderOf(reader: Reader, feed: string, { row, n, target }: Name): 'its' | 'others_line' | 'foreign' {
  const warehouse = warehouseOf(reader, feed);
  const given = warehouse === undefined ? undefined : givenAt(reader, warehouse, target);
  // It has its name in a warehouse that was replaced since: a file that was copied from there may lie here, and its bytes say so.
  if (!given) return hasLeft(reader, { row, n }) ? 'foreign' : 'its';
  return given.content === row && given.n === n ? 'its' : 'others_line';
}
