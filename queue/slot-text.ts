/** How an owner stands in its slot of the file of locks: JSON, with what changes often at a fixed place. */
import type { JobId, OwnerSlot } from './backend.js';
import { limits } from './limits.js';

const TITLE_CHARS = 80;
const PLACE_CHARS = 160;
/** A job's id in quotation marks. */
const HAND_CHARS = 28;

/** Fits into `bytesMax`. Non-ASCII titles and places may need more bytes than characters: a shorter place is better than half a slot. */
export function slotText(slot: OwnerSlot, bytesMax: number): { head: string; tail: string } {
  const [head, tail] = [headOf(slot), tailOf(slot, TITLE_CHARS)];
  if (Buffer.byteLength(head + tail) < bytesMax) return { head, tail };
  return { head: headOf(slot, 40), tail: tailOf(slot, 20) };
}

/** What changes with each job. JSON allows blanks between its parts: with them it ends at the same byte whatever is in hand. */
export function headOf(slot: OwnerSlot, placeChars = PLACE_CHARS): string {
  const [hand, where] = [handText(slot.job), JSON.stringify(slot.place.slice(0, placeChars)).padEnd(24)];
  return `${HEAD}${hand},"place":${where},"placeSinceMs":${String(slot.placeSinceMs).padEnd(16)},`;
}

const HEAD = '{"job":';

/** The job in hand as it stands in a slot. */
export const handText = (job: string | null): string => JSON.stringify(job).padEnd(HAND_CHARS);

/** What the threads of an owner have in hand, one place of `limits.handBytes` each. */
export function handsOf(raw: Buffer): string[] {
  const places = Array.from({ length: limits.handsMax }, (_, n) =>
    raw.toString('latin1', n * limits.handBytes, n * limits.handBytes + HAND_CHARS).trim(),
  );
  return places.flatMap((text) => (/^".+"$/.test(text) ? [JSON.parse(text) as string] : []));
}

const tailOf = ({ owner, pid, title, startedMs, stalled }: OwnerSlot, titleChars: number): string =>
  JSON.stringify({ owner, pid, title: title.slice(0, titleChars), startedMs, stalled }).slice(1);

/** The jobs that an owner works on just now. */
export const inHandOf = ({ job, threadJobs }: OwnerSlot): JobId[] => [
  ...new Set([...(job === null ? [] : [job]), ...threadJobs]),
];
