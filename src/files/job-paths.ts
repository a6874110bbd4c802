/**
 * Every path that a job may touch, as a pure function of the job's row (so the row is the record of the intent). Also
 * the way back: from a name in a work folder to the job and its path.
 * Does not: touch the disk.
 */
import { localTime } from '../base/local-time.js';
import { type ByteName, bytesOfName, nameOfText } from '../linux/names.js';

/**
 * The files of a job in `underprocess/`: the sealed file, its sidecar, a private copy being made, a finished private
 * copy.
 */
export type Part = 'file' | 'sidecar' | 'partial' | 'copy';

const SUFFIXES: Record<Part, string> = { file: '', sidecar: '.ok', partial: '.tmp', copy: '.copy' };
const PARTS: Record<string, Part | 'claims'> = {
  '': 'file',
  '.ok': 'sidecar',
  '.tmp': 'partial',
  '.copy': 'copy',
  '.claims': 'claims',
};
const ENCODED = /[%/]/;
const WORK_NAME = /^([0-9A-HJKMNP-TV-Z]{26})(\.ok|\.tmp|\.copy|\.claims)?~([\s\S]*)$/;

/** The kernel's limit for one component. */
export const NAME_BYTES_MAX = 255;
/** The kernel's limit for a path (PATH_MAX without its NUL), minus room for the path of the work folder. */
const PATH_BYTES_MAX = 3_800;

export const UNDERPROCESS = 'underprocess' as ByteName;
export const DUPLICATES = 'duplicates' as ByteName;
export const FAILED = 'failed' as ByteName;
export const WORK_FOLDERS = [UNDERPROCESS, DUPLICATES, FAILED] as const;
export type WorkFolder = (typeof WORK_FOLDERS)[number];

/**
 * The name relative to a work folder: `JOBID~PATH`, with `/` and `%` percent-encoded. If that has more than 255 bytes:
 * `JOBID~/PATH`, with the raw path in a folder of its own. Undefined if even that is too long for a path.
 */
export function workName(jobId: string, part: Part, path: ByteName): ByteName | undefined {
  const prefix = `${jobId}${SUFFIXES[part]}~`;
  const encoded = prefix + (ENCODED.test(path) ? path.replace(/%/g, '%25').replace(/\//g, '%2F') : path);
  if (encoded.length <= NAME_BYTES_MAX) return encoded as ByteName;
  const raw = `${prefix}/${path}`;
  return raw.length <= PATH_BYTES_MAX ? (raw as ByteName) : undefined;
}

/** The folder of a job in which each of its claims has one, while it takes a file (src/ingest/files/take.ts). */
export const claimsOf = (jobId: string): ByteName => `${UNDERPROCESS}/${jobId}.claims~` as ByteName;

export interface ParsedName {
  jobId: string;
  part: Part | 'claims';
  /** Undefined for a folder `JOBID~`, which contains the raw path, and for `JOBID.claims~`. */
  path: ByteName | undefined;
}

/** Parses the first component of a work name. */
export function parseWorkName(name: ByteName): ParsedName | undefined {
  const match = WORK_NAME.exec(name);
  if (!match) return undefined;
  const encoded = match[3]!;
  const path = encoded === '' ? undefined : (encoded.replace(/%2F/g, '/').replace(/%25/g, '%') as ByteName);
  return { jobId: match[1]!, part: PARTS[match[2] ?? '']!, path };
}

export const baseOf = (path: ByteName): ByteName => path.slice(path.lastIndexOf('/') + 1) as ByteName;
export const folderOf = (path: ByteName): ByteName =>
  (path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '') as ByteName;

/** All folders above a path, the nearest first. */
export function foldersOf(path: ByteName): ByteName[] {
  const folders: ByteName[] = [];
  for (let at = folderOf(path); at !== ''; at = folderOf(at)) folders.push(at);
  return folders;
}

/** The marker of an hour or a partition that is closed and complete (src/ingest/periods/). */
export const SUCCESS = nameOfText('_SUCCESS');
/** The temporary name of that marker. */
export const SUCCESS_TOKEN = nameOfText('.ingest-success');

/**
 * The folders beside the days, each with the same days in it: files whose chain wrote outputs for readers, and
 * rejected records. Spark, Hive, Trino and pyarrow leave out names that begin with an underscore.
 */
export const ORIGINALS = nameOfText('_originals');
export const REJECTS = nameOfText('_rejects');

/** The preferred target name in a partition. A delivered file or folder never gets the name of the marker. */
export const wantedTarget = (date: ByteName, path: ByteName): ByteName =>
  `${date}/${path.replace(/^_SUCCESS(?=\/|$)/, '_SUCCESS~2')}` as ByteName;

/**
 * The folders that a target shares with all files of its day, the outer ones first. With an original goes the day that readers take: it
 * exists with its first file, so that its marker has a folder.
 */
export function sharedFolders(target: ByteName): ByteName[] {
  const [first, day] = folderOf(target).split('/') as [ByteName, ByteName];
  if (first === '') return [];
  if (first !== ORIGINALS && first !== REJECTS) return [first];
  const folders = [first, `${first}/${day}` as ByteName];
  return first === ORIGINALS ? [...folders, day] : folders;
}

export interface Partition {
  /** `ingest_date=YYYY-MM-DD` */
  date: ByteName;
  /** `YYYY/MM/DD/HH` */
  hour: ByteName;
}

/** A time zone is at most this far west of UTC, in ms. The names of days and hours are in local time. */
export const WEST_MS = 12 * 3_600_000;

/** The partition of an instant, by the calendar of a time zone. */
export function partitionOf(atMs: number, timezone: string): Partition {
  const { year, month, day, hour } = localTime(atMs, timezone);
  return {
    date: nameOfText(`ingest_date=${year}-${month}-${day}`),
    hour: nameOfText(`${year}/${month}/${day}/${hour}`),
  };
}

/**
 * The n-th choice of a target name: `orders.csv`, then `orders~2.csv`, `orders~3.csv`, … The stem is cut if the name
 * would exceed 255 bytes.
 */
export function nthName(name: ByteName, n: number): ByteName {
  if (n <= 1) return name;
  const dot = name.lastIndexOf('.');
  const [stem, suffix] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name as string, ''];
  const tail = `~${n}${suffix.length > 64 ? '' : suffix}`;
  return shortened(stem as ByteName, tail);
}

/** A name that ends with `tail` (ASCII). The stem is cut if the name would exceed 255 bytes. */
export const shortened = (stem: ByteName, tail: string): ByteName =>
  (wholeCharacters(stem, NAME_BYTES_MAX - tail.length) + tail) as ByteName;

/** The most bytes that follow the first one of a UTF-8 sequence. */
const FOLLOWING_MAX = 3;

/** At most `max` bytes of a name, never cut inside a UTF-8 sequence. Bytes that are no text are cut anywhere. */
function wholeCharacters(stem: string, max: number): string {
  if (stem.length <= max) return stem;
  const raw = bytesOfName(stem as ByteName);
  const isInside = (at: number): boolean => (raw[at]! & 0xc0) === 0x80;
  let end = max;
  while (end > max - FOLLOWING_MAX && isInside(end)) end--;
  return stem.slice(0, isInside(end) ? max : end);
}
