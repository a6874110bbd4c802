/**
 * Moves a sealed file, or one of its outputs, to its reserved target: by a rename, or by a copy to another filesystem. Compares the
 * bytes that are at a target.
 * Guarantees: nothing is overwritten (src/ingest/warehouse/target.ts). A missing source is no error: it may have been moved before a
 * crash.
 */
import type { Entry } from '../../files/directories.js';
import { sameMount } from '../../files/mounts.js';
import { wasDelivered } from '../../files/moves.js';
import { inPlace, inPlaceAsync } from '../../files/place-error.js';
import type { Throttle } from '../../files/rate-limit.js';
import { type ByteName, joinNames, type Stat } from '../../linux/index.js';
import { type FeedFiles, statEntry, type WorkKey } from '../files/feed-files.js';
import { sameBytes } from '../rules/verified.js';
import { isContent, putByBytes, renameTo, TEMPORARY } from '../warehouse/target.js';
import type { CompareAnswer, MoveAnswer, PutAnswer, Terms, ToCompare, ToMove, ToPut } from './order.js';

export function mover(files: FeedFiles): (file: ToMove) => MoveAnswer {
  return (file) => {
    const entry = sourceEntry(files, file);
    const stat = statEntry(entry);
    if (!entry || !stat) return { kind: 'no_source' };
    return inPlace('warehouse', files.roots.warehouse, 'write', () => moveOne(files, file, entry, stat));
  };
}

function moveOne(files: FeedFiles, file: ToMove, entry: Entry, stat: Stat): MoveAnswer {
  // A file at both names was delivered before a crash: what a reader does with it now is no concern of ours.
  const to = stat.nlink > 1 ? files.entryOrNone(files.warehouse, file.target) : undefined;
  if (to && wasDelivered(entry, to)) return { kind: 'renamed' };
  if (!isAsRecorded(file, stat)) return { kind: 'changed' };
  return { kind: renameTo(files.warehouse, file.target, entry) };
}

/**
 * False where the file can only be copied to its target: it lies here until it is stored, and no claim has moved it. So is each file
 * of a mount below the input.
 */
export const canBeRenamed = (files: FeedFiles, { inside }: Pick<WorkKey, 'inside'>, target: ByteName): boolean =>
  inside === '' &&
  sameMount(files.work(inside).rootFd, files.entryOrNone(files.warehouse, target)?.dir ?? files.warehouse.rootFd);

/** The entry of the file or output to move; undefined where a directory on its path is missing. */
export const sourceEntry = (
  files: FeedFiles,
  file: Pick<ToMove, keyof WorkKey | 'part' | 'output'>,
): Entry | undefined =>
  file.output
    ? files.entryOrNone(files.warehouse, joinNames(TEMPORARY, file.output.name))
    : files.workEntry(file, file.part);

/** A private copy is always as recorded: only we can write it. */
function isAsRecorded({ output, part, identity }: ToMove, stat: Stat): boolean {
  if (output) return stat.size === output.size && String(stat.ino) === output.inode;
  return part === 'copy' || sameBytes(identity, stat);
}

export function putter(files: FeedFiles, { feed }: Terms, throttle?: Throttle): (file: ToPut) => Promise<PutAnswer> {
  return async (file) => {
    const entry = sourceEntry(files, file);
    const stat = statEntry(entry);
    if (!entry || !stat) return { kind: 'no_source' };
    const source = {
      entry,
      stat,
      sha256: Buffer.from(file.sha256, 'hex'),
      copy: { id: file.id, n: file.output?.n ?? 0, claimNo: file.claimNo },
      bounds: { throttle, keepFree: feed.minFreeBytes },
    };
    const act = () => putByBytes(files.warehouse, file.target, source, file.came);
    return { kind: await inPlaceAsync('warehouse', files.roots.warehouse, 'write', act) };
  };
}

export function comparer(files: FeedFiles, _: Terms, throttle?: Throttle): (file: ToCompare) => Promise<CompareAnswer> {
  return async ({ target, sha256 }) => {
    const entry = files.entryOrNone(files.warehouse, target);
    if (!entry || !statEntry(entry)) return { kind: 'nothing' };
    return { kind: (await isContent(entry, Buffer.from(sha256, 'hex'), undefined, throttle)) ? 'same' : 'other' };
  };
}
