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

/** What a thread has in hand. `hangs`: a call on it does not end, and whether that is the job's own fault or that of its place. */
export interface Hand {
  job: JobId;
  hangs?: 'itself' | 'place';
}

const MARKS = { itself: 'h', place: 'p' } as const;

/** Of a thread that hangs; `handText` and nothing more of one that goes on. */
export const hungText = ({ job, hangs }: Required<Hand>): string => handText(job) + MARKS[hangs];

/** What the threads of an owner have in hand: `limits.handBytes` each. */
export function handsOf(raw: Buffer): Hand[] {
  return Array.from({ length: limits.handsMax }, (_, n) => n * limits.handBytes).flatMap((at) => {
    const text = raw.toString('latin1', at, at + HAND_CHARS).trim();
    if (!/^".+"$/.test(text)) return [];
    const mark = String.fromCharCode(raw[at + HAND_CHARS]!);
    const hangs = mark === MARKS.itself ? 'itself' : mark === MARKS.place ? 'place' : undefined;
    return [{ job: JSON.parse(text) as JobId, ...(hangs && { hangs }) }];
  });
}

const tailOf = ({ owner, pid, title, startedMs, stalled }: OwnerSlot, titleChars: number): string =>
  JSON.stringify({ owner, pid, title: title.slice(0, titleChars), startedMs, stalled }).slice(1);

/** The jobs that an owner works on just now. */
export const inHandOf = ({ job, threads }: OwnerSlot): JobId[] => [
  ...new Set([...(job === null ? [] : [job]), ...threads.map((hand) => hand.job)]),
];

/** The first of them, for who says one. */
export const firstInHand = (slot: OwnerSlot | undefined): JobId | null => (slot && inHandOf(slot)[0]) ?? null;
