/**
 * The move of a sealed file to its reserved target, by a rename; and whether a name is free there.
 * Guarantees: nothing is overwritten.
 * Does not: copy to another mount, or compare bytes; src/ingest/warehouse/target.ts does.
 */
import { inPlace } from '../../files/place-error.js';
import { type FeedFiles, statEntry } from '../files/feed-files.js';
import { sameBytes } from '../rules/verified.js';
import { isOnDisk } from '../warehouse/reserve.js';
import { renameTo } from '../warehouse/target.js';
import type { MoveAnswer, NameAnswer, ToMove, ToName } from './order.js';

export function mover(files: FeedFiles): (file: ToMove) => MoveAnswer {
  return (file) => {
    const entry = files.workEntry(file, file.part);
    const stat = statEntry(entry);
    if (!entry || !stat) return { kind: 'no_source' };
    if (file.part === 'file' && !sameBytes(file.identity, stat)) return { kind: 'changed' };
    const act = () => renameTo(files.warehouse, file.target, entry);
    return { kind: inPlace('warehouse', files.roots.warehouse, 'write', act) };
  };
}

/** On disk alone; what is reserved is asked for in the planning transaction. */
export const namer =
  (files: FeedFiles) =>
  ({ target }: ToName): NameAnswer => ({ kind: isOnDisk(files, target) ? 'taken' : 'free' });
