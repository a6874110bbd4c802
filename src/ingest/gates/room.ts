/**
 * A copy for which there is no room: the only thing in the pipeline that needs a whole file's room at once (a line, a
 * directory entry, a rename need a block).
 * Guarantees: the others go on as soon as there is room for one of them; a file that can never fit is held, with a sentence.
 */
import type { ClaimedJob, Gate, Outcome, Reader } from '../../../queue/backend.js';
import { backoffMs } from '../../../queue/clock.js';
import { limits } from '../../../queue/limits.js';
import { shownBytes } from '../../base/telemetry/safe.js';
import type { BelowMark, NoRoom, PlaceError } from '../../files/place-error.js';

export const NO_ROOM = 'no_room';
/** From the second time on: the first may have met what another one was just writing. */
const FIRST_MS = 5_000;

/** The reason of a file that is not copied, because less than the watermark would stay free. */
export const BELOW_MARK = 'below_mark';
const MARK_FIRST_MS = 2_000;
const MARK_LONGEST_MS = 30_000;

/** Asked again before long: it costs a look at the filesystem, and nothing is copied for it. */
export function belowMark(job: ClaimedJob, path: string, { bytes, keepFree, capacityBytes }: BelowMark): Outcome {
  if (bytes + keepFree > capacityBytes)
    return {
      kind: 'hold',
      code: 'never_fits',
      reason: `the file has ${shownBytes(bytes)} and has to be copied, --min-free-bytes is ${shownBytes(keepFree)}, but the filesystem of the warehouse ${path} has ${shownBytes(capacityBytes)} in all: make it larger or lower the mark and ingest-ctl retry, or ingest-ctl discard`,
    };
  const before = (job.payload.noRoom as number | undefined) ?? 0;
  const inMs = backoffMs(before + 1, MARK_FIRST_MS, MARK_LONGEST_MS);
  return { kind: 'defer', inMs, why: BELOW_MARK, payload: { ...job.payload, noRoom: before + 1 } };
}

/** The hold of a file that its place cannot take even when it is empty. */
export function neverFits({ place, path }: PlaceError, { bytes, capacityBytes }: NoRoom): Outcome | undefined {
  if (bytes <= capacityBytes) return undefined;
  return {
    kind: 'hold',
    code: 'never_fits',
    reason: `the file has ${shownBytes(bytes)} and has to be copied, but the filesystem of the ${place} ${path} has ${shownBytes(capacityBytes)} in all: make it larger and ingest-ctl retry, or ingest-ctl discard`,
  };
}

/** No attempt is spent, but one that does not fit again and again is no longer the first to be tried. */
export function behindTheOthers(job: ClaimedJob): Outcome {
  const before = (job.payload.noRoom as number | undefined) ?? 0;
  const inMs = before === 0 ? 0 : backoffMs(before, FIRST_MS, limits.retryLongestMs);
  return { kind: 'defer', inMs, why: NO_ROOM, payload: { ...job.payload, noRoom: before + 1 } };
}

/**
 * The room for the smallest of the next ones behind a gate. A warehouse that one file is copied to is copied to by all;
 * a private copy is one file's own need, and the others go on without.
 */
export function roomToCopy(reader: Reader, { stage, feed, place }: Gate): number {
  const next = reader.all<{ bytes: number; reason: string | null }>(
    `SELECT bytes, reason FROM all_jobs WHERE stage = ? AND feed = ? AND state = 'ready'
     ORDER BY due_ms, seq LIMIT ${limits.claimBatchMax}`,
    stage,
    feed,
  );
  const copies = next.filter(({ reason }) => reason === NO_ROOM);
  const allCopy = place === 'warehouse' ? copies.length > 0 : copies.length === next.length;
  return allCopy ? next.reduce((least, { bytes }) => Math.min(least, bytes), next[0]?.bytes ?? 0) : 0;
}
