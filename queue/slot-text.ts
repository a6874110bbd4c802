/**
 * The format of an owner's slot in the lock file: JSON, with the parts that change often at fixed offsets.
 */
import type { JobId, OwnerSlot } from './backend.js';
import { limits } from './limits.js';

const TITLE_CHARS = 80;
const PLACE_CHARS = 160;
/** The length of a job id in quotation marks. */
const JOB_CHARS = 28;

/**
 * Fits into `bytesMax`. Titles and places that are not ASCII may need more bytes than characters; they are then
 * shortened.
 */
export function slotText(slot: OwnerSlot, bytesMax: number): { head: string; tail: string } {
  const [head, tail] = [headOf(slot), tailOf(slot, TITLE_CHARS)];
  if (Buffer.byteLength(head + tail) < bytesMax) return { head, tail };
  return { head: headOf(slot, 40), tail: tailOf(slot, 20) };
}

/**
 * The part that changes with each job. JSON allows spaces between its parts: they pad it to the same length for every
 * job.
 */
export function headOf(slot: OwnerSlot, placeChars = PLACE_CHARS): string {
  const [threadJob, where] = [jobText(slot.job), JSON.stringify(slot.place.slice(0, placeChars)).padEnd(24)];
  return `${HEAD}${threadJob},"place":${where},"placeSinceMs":${String(slot.placeSinceMs).padEnd(16)},`;
}

const HEAD = '{"job":';

/** A job id as text in a slot. */
export const jobText = (job: string | null): string => JSON.stringify(job).padEnd(JOB_CHARS);

/**
 * The job in progress of a thread. `hangs`: a call on it does not return, because of the job itself or because of its
 * place.
 */
export interface ThreadJob {
  job: JobId;
  hangs?: 'itself' | 'place';
}

const MARKS = { itself: 'h', place: 'p' } as const;

/** The text of a thread that hangs; the text of a working thread is only `jobText`. */
export const hangText = ({ job, hangs }: Required<ThreadJob>): string => jobText(job) + MARKS[hangs];

/** Parses the jobs of an owner's threads, `limits.threadSlotBytes` each. */
export function threadJobsOf(raw: Buffer): ThreadJob[] {
  return Array.from({ length: limits.threadsMax }, (_, n) => n * limits.threadSlotBytes).flatMap((at) => {
    const text = raw.toString('latin1', at, at + JOB_CHARS).trim();
    if (!/^".+"$/.test(text)) return [];
    const mark = String.fromCharCode(raw[at + JOB_CHARS]!);
    const hangs = mark === MARKS.itself ? 'itself' : mark === MARKS.place ? 'place' : undefined;
    return [{ job: JSON.parse(text) as JobId, ...(hangs && { hangs }) }];
  });
}

const tailOf = ({ owner, pid, title, startedMs, stalled }: OwnerSlot, titleChars: number): string =>
  JSON.stringify({ owner, pid, title: title.slice(0, titleChars), startedMs, stalled }).slice(1);

/** The jobs that an owner is working on. */
export const jobsOfSlot = ({ job, threads }: OwnerSlot): JobId[] => [
  ...new Set([...(job === null ? [] : [job]), ...threads.map((threadJob) => threadJob.job)]),
];

/** The first of these jobs, for callers that show only one. */
export const firstInProgress = (slot: OwnerSlot | undefined): JobId | null => (slot && jobsOfSlot(slot)[0]) ?? null;
