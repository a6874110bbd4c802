/**
 * Copies a file to another filesystem, and compares bytes: the cases that a rename cannot handle.
 * Guarantees: those of src/ingest/warehouse/target.ts. A missing source is no error: it may have been moved before a crash.
 */

import { inPlaceAsync } from '../../files/place-error.js';
import type { Throttle } from '../../files/rate-limit.js';
import { type FeedFiles, statEntry } from '../files/feed-files.js';
import { isContent, putByBytes } from '../warehouse/target.js';
import { sourceEntry } from './move.js';
import type { CompareAnswer, PutAnswer, Terms, ToCompare, ToPut } from './order.js';

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
