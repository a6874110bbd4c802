/**
 * Every path that a job may touch, as a pure function of its row (which so is the intent), and the way back
 * from a name in a work folder to the job and the path that it belongs to.
 * Does not: touch the disk.
 */
import { type ByteName, bytesOfName, nameOfText } from '../linux/names.js';

/** What a file in `underprocess/` is: the sealed file, its sidecar, a private copy in the making, a whole private copy. */
export type Part = 'file' | 'sidecar' | 'partial' | 'copy';

const SUFFIXES: Record<Part, string> = { file: '', sidecar: '.ok', partial: '.tmp', copy: '.copy' };
const PARTS: Record<string, Part> = { '': 'file', '.ok': 'sidecar', '.tmp': 'partial', '.copy': 'copy' };
const ENCODED = /[%/]/;
const WORK_NAME = /^([0-9A-HJKMNP-TV-Z]{26})(\.ok|\.tmp|\.copy)?~([\s\S]*)$/;

/** The kernel's bound on one component. */
const NAME_BYTES_MAX = 255;
/** The kernel's bound on a path (PATH_MAX less its NUL), less what a work folder's own path may take. */
const PATH_BYTES_MAX = 3_800;

export const UNDERPROCESS = 'underprocess' as ByteName;
export const DUPLICATES = 'duplicates' as ByteName;
export const FAILED = 'failed' as ByteName;
export const WORK_FOLDERS = [UNDERPROCESS, DUPLICATES, FAILED] as const;

/**
 * Relative to a work folder: `JOBID~PATH`, with `/` and `%` percent-encoded; where that is over 255 bytes,
 * `JOBID~/PATH` with the path raw in a folder of its own. Undefined when even so no path can hold it.
 */
export function workName(jobId: string, part: Part, path: ByteName): ByteName | undefined {
  const prefix = `${jobId}${SUFFIXES[part]}~`;
  const encoded = prefix + (ENCODED.test(path) ? path.replace(/%/g, '%25').replace(/\//g, '%2F') : path);
  if (encoded.length <= NAME_BYTES_MAX) return encoded as ByteName;
  const raw = `${prefix}/${path}`;
  return raw.length <= PATH_BYTES_MAX ? (raw as ByteName) : undefined;
}

/** Reads the first component of a work name back. `path` is undefined for a folder `JOBID~` (the path lies raw in it). */
export function parseWorkName(name: ByteName): { jobId: string; part: Part; path: ByteName | undefined } | undefined {
  const match = WORK_NAME.exec(name);
  if (!match) return undefined;
  const encoded = match[3]!;
  const path = encoded === '' ? undefined : (encoded.replace(/%2F/g, '/').replace(/%25/g, '%') as ByteName);
  return { jobId: match[1]!, part: PARTS[match[2] ?? '']!, path };
}

export const baseOf = (path: ByteName): ByteName => path.slice(path.lastIndexOf('/') + 1) as ByteName;
export const folderOf = (path: ByteName): ByteName =>
  (path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '') as ByteName;

/** Lies in an hour or a partition that is closed and complete (src/ingest/periods/). */
export const SUCCESS = nameOfText('_SUCCESS');
/** The marker before it has its name. */
export const SUCCESS_TOKEN = nameOfText('.ingest-success');

/** The first choice of a target in a partition: nothing that was delivered, file or folder, passes there for a marker. */
export const wantedTarget = (date: ByteName, path: ByteName): ByteName =>
  `${date}/${path.replace(/^_SUCCESS(?=\/|$)/, '_SUCCESS~2')}` as ByteName;

export interface Partition {
  /** `ingest_date=YYYY-MM-DD` */
  date: ByteName;
  /** `YYYY/MM/DD/HH` */
  hour: ByteName;
}

/** The partition of an instant, by the calendar of a time zone. */
export function partitionOf(atMs: number, timezone: string): Partition {
  const parts = Object.fromEntries(
    formatter(timezone)
      .formatToParts(atMs)
      .map((p) => [p.type, p.value]),
  );
  const { year, month, day, hour } = parts as Record<'year' | 'month' | 'day' | 'hour', string>;
  return {
    date: nameOfText(`ingest_date=${year}-${month}-${day}`),
    hour: nameOfText(`${year}/${month}/${day}/${hour}`),
  };
}

const formatters = new Map<string, Intl.DateTimeFormat>();
function formatter(timeZone: string): Intl.DateTimeFormat {
  let made = formatters.get(timeZone);
  if (!made) {
    const two = '2-digit';
    made = new Intl.DateTimeFormat('en-CA', {
      timeZone,
      year: 'numeric',
      month: two,
      day: two,
      hour: two,
      hourCycle: 'h23',
    });
    formatters.set(timeZone, made);
  }
  return made;
}

/**
 * The n-th choice of a target's name: `orders.csv`, then `orders~2.csv`, `orders~3.csv`, …; shortened at the end of
 * its stem where 255 bytes would be exceeded.
 */
export function nthName(name: ByteName, n: number): ByteName {
  if (n <= 1) return name;
  const dot = name.lastIndexOf('.');
  const [stem, suffix] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name as string, ''];
  const tail = `~${n}${suffix.length > 64 ? '' : suffix}`;
  return shortened(stem as ByteName, tail);
}

/** A name that ends with `tail` (ASCII), its stem cut where 255 bytes would be exceeded. */
export const shortened = (stem: ByteName, tail: string): ByteName =>
  (wholeCharacters(stem, NAME_BYTES_MAX - tail.length) + tail) as ByteName;

/** At most `max` bytes of a name, not cut within a UTF-8 sequence. */
function wholeCharacters(stem: string, max: number): string {
  if (stem.length <= max) return stem;
  const raw = bytesOfName(stem as ByteName);
  let end = max;
  while (end > 0 && (raw[end]! & 0xc0) === 0x80) end--;
  return stem.slice(0, end);
}
