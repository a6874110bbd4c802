/**
 * Handles a copy for which there is no room. Only a copy needs room for a whole file at once; a line, a directory entry or a
 * rename needs one block.
 * Guarantees: other files go on as soon as there is room for one of them. A file that can never fit is held, with a reason.
 */
import type { ClaimedJob, Gate, Outcome, Reader } from '../../../queue/backend.js';
import { backoffMs } from '../../../queue/clock.js';
import { limits } from '../../../queue/limits.js';
import { shownBytes } from '../../base/telemetry/safe.js';
import type { BelowMark, NoRoom, PlaceError } from '../../files/place-error.js';

export const NO_ROOM = 'no_room';
/** The delay from the second failure on. The first one may have been due to another copy that was being written. */
const FIRST_MS = 5_000;

/** The reason of a file that is not copied because less than the watermark would stay free. */
export const BELOW_MARK = 'below_mark';
const MARK_FIRST_MS = 2_000;
const MARK_LONGEST_MS = 30_000;

/** It is tried again soon: that costs one check of the filesystem, and nothing is copied for it. */
export function belowMark(job: ClaimedJob, path: string, { bytes, keepFree, capacityBytes }: BelowMark): Outcome {
  if (bytes + keepFree > capacityBytes)
    return {
      kind: 'hold',
      code: 'never_fits',
      reason: `the file has ${shownBytes(bytes)} and must be copied, --min-free-bytes is ${shownBytes(keepFree)}, but the filesystem of the warehouse ${path} has ${shownBytes(capacityBytes)} in all`,
    };
  const before = (job.payload.noRoom as number | undefined) ?? 0;
  const inMs = backoffMs(before + 1, MARK_FIRST_MS, MARK_LONGEST_MS);
  return { kind: 'defer', inMs, why: BELOW_MARK, payload: { ...job.payload, noRoom: before + 1 } };
}

/** The hold for a file that the place could not take even if it were empty. */
export function neverFits({ place, path }: PlaceError, { bytes, capacityBytes }: NoRoom): Outcome | undefined {
  if (bytes <= capacityBytes) return undefined;
  return {
    kind: 'hold',
    code: 'never_fits',
    reason: `the file has ${shownBytes(bytes)} and must be copied, but the filesystem of the ${place} ${path} has ${shownBytes(capacityBytes)} in all`,
  };
}

/** No attempt is counted. A file that does not fit several times is no longer tried first. */
export function afterTheOthers(job: ClaimedJob, { bytes }: NoRoom): Outcome {
  const before = (job.payload.noRoom as number | undefined) ?? 0;
  const inMs = before === 0 ? 0 : backoffMs(before, FIRST_MS, limits.retryLongestMs);
  return { kind: 'defer', inMs, why: NO_ROOM, payload: { ...job.payload, noRoom: before + 1, copyBytes: bytes } };
}

/**
 * The bytes that must be free before a gate opens: those of the smallest of the next jobs, if copies need them. If one file is copied
 * to a warehouse, all are. A private copy is the need of one file, and the others go on without room.
 */
export function roomToCopy(reader: Reader, { stage, feed, place }: Gate): number {
  const next = reader.all<{ bytes: number; reason: string | null }>(
    `SELECT coalesce(payload ->> 'copyBytes', bytes) AS bytes, reason FROM all_jobs WHERE stage = ? AND feed = ? AND state = 'ready'
     ORDER BY due_ms, seq LIMIT ${limits.claimBatchMax}`,
    stage,
    feed,
  );
  const copies = next.filter(({ reason }) => reason === NO_ROOM);
  const allCopy = place === 'warehouse' ? copies.length > 0 : copies.length === next.length;
  return allCopy ? next.reduce((least, { bytes }) => Math.min(least, bytes), next[0]?.bytes ?? 0) : 0;
}
