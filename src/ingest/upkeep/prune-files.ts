/**
 * Removes files from `duplicates/` and `failed/` that are older than they are to be kept, and the oldest ones where there are too
 * many bytes. A file's age counts from its ctime, which the rename into the folder has set; for bytes, to the hour.
 * Guarantees: no file of an open job is removed, and no duplicate whose content the ledger does not have as stored. Symlinks are
 * never followed. A name that is not ours, or is no regular file, stays. Memory is bounded, and the work rests.
 */
import type { Job } from '../../../queue/backend.js';
import type { QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { digestAt } from '../../files/digest.js';
import type { Entry } from '../../files/directories.js';
import { DUPLICATES, FAILED, folderOf } from '../../files/job-paths.js';
import { type ByteName, LinuxError, type Stat, shownName, unlinkAt } from '../../linux/index.js';
import { type FeedFiles, INNER_WORK, statEntry } from '../files/feed-files.js';
import { type WorkName, whereIn, workNames } from '../files/sealed-names.js';
import { noteElsewhere } from '../ledger/ask.js';
import { contentByHash, hasEnded } from '../ledger/content.js';
import type { JobFacts } from '../rules/facts.js';
import { sameBytes } from '../rules/verified.js';
import type { Pieces } from './pieces.js';

/** The number of names between two rests. */
const PIECE = 200;
const HOUR_NS = 3_600_000_000_000n;

export interface FolderRule {
  folder: typeof DUPLICATES | typeof FAILED;
  /** Undefined: no limit of age or of bytes. */
  keepMs: number | undefined;
  bytesMax: number | undefined;
}

export type Keeping = Pick<FeedOptions, 'keepDuplicatesMs' | 'duplicatesMaxBytes' | 'keepFailedMs' | 'failedMaxBytes'>;

export interface OldFile {
  path: string;
  bytes: number;
  why: 'age' | 'quota';
}

export interface Tidying {
  view: Pick<QueueView, 'job' | 'read'>;
  feed: string;
  files: FeedFiles;
  nowMs: number;
  pieces: Pieces;
  isOver(): boolean;
  /** False: files are only reported. */
  remove: boolean;
  onFile(file: OldFile): void;
}

export interface Tidied {
  files: number;
  bytes: number;
  /** Files that would be removed, but whose content the ledger does not have as stored. */
  unknown: number;
}

interface Found extends WorkName {
  at: ByteName;
  stat: Stat;
}

/** Errors: PlaceError, LinuxError, where a folder cannot be used. */
export async function pruneFolder(tidying: Tidying, rule: FolderRule): Promise<Tidied> {
  const { folder, keepMs, bytesMax } = rule;
  const sum: Tidied = { files: 0, bytes: 0, unknown: 0 };
  const beforeNs = keepMs === undefined ? undefined : BigInt(tidying.nowMs - keepMs) * 1_000_000n;
  const isOld = ({ ctimeNs }: Stat): boolean => beforeNs !== undefined && ctimeNs <= beforeNs;
  const excess = bytesMax === undefined ? undefined : await excessOver(bytesMax, tidying, folder, isOld);
  for await (const found of filesIn(tidying, folder)) {
    const why = isOld(found.stat) ? 'age' : excess?.takes(found.stat) ? 'quota' : undefined;
    if (why === undefined) continue;
    const job = tidying.view.job(found.jobId);
    if (job && job.state !== 'done') continue;
    if (folder === DUPLICATES && found.part === 'file' && !(await isStored(found, job, tidying))) sum.unknown++;
    else if (!tidying.remove || removeOne(found, tidying, folder)) {
      sum.files++;
      sum.bytes += found.stat.size;
      tidying.onFile({ path: shownPath(found, tidying), bytes: found.stat.size, why });
    }
  }
  return sum;
}

async function* filesIn({ files, pieces, isOver }: Tidying, folder: FolderRule['folder']): AsyncGenerator<Found> {
  const names = workNames(files, folder);
  try {
    while (!isOver()) {
      const piece = await pieces.piece(() => somePresent(names, files, folder));
      if (piece === undefined) return;
      yield* piece;
    }
  } finally {
    names.return(undefined);
  }
}

/** Undefined at the end. */
function somePresent(names: Iterator<WorkName>, files: FeedFiles, folder: FolderRule['folder']): Found[] | undefined {
  const found: Found[] = [];
  for (let n = 0; n < PIECE; n++) {
    const { value: one, done } = names.next();
    if (done) return found.length > 0 ? found : n > 0 ? [] : undefined;
    if (one.path === undefined || (one.part !== 'file' && one.part !== 'sidecar')) continue;
    const at = whereIn(folder, one);
    const stat = statEntry(files.entryOrNone(files.work(one.inside), at));
    if (stat?.kind === 'file') found.push({ ...one, at, stat });
  }
  return found;
}

/** The bytes over the limit, by hour: all files of older hours, and a number of bytes of one hour. */
class Excess {
  constructor(
    readonly hour: bigint,
    public bytesOfIt: number,
  ) {}

  takes({ ctimeNs, size }: Stat): boolean {
    const hour = ctimeNs / HOUR_NS;
    if (hour !== this.hour) return hour < this.hour;
    if (this.bytesOfIt <= 0) return false;
    this.bytesOfIt -= size;
    return true;
  }
}

async function excessOver(
  bytesMax: number,
  tidying: Tidying,
  folder: FolderRule['folder'],
  isOld: (stat: Stat) => boolean,
): Promise<Excess | undefined> {
  const hours = new Map<bigint, number>();
  for await (const { stat } of filesIn(tidying, folder)) {
    if (isOld(stat)) continue;
    const hour = stat.ctimeNs / HOUR_NS;
    hours.set(hour, (hours.get(hour) ?? 0) + stat.size);
  }
  return excessOf(hours, bytesMax);
}

/** `hours`: bytes by the hour in which the files came. */
export function excessOf(hours: ReadonlyMap<bigint, number>, bytesMax: number): Excess | undefined {
  let over = -bytesMax;
  for (const bytes of hours.values()) over += bytes;
  if (over <= 0) return undefined;
  for (const [hour, bytes] of [...hours].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (over <= bytes) return new Excess(hour, over);
    over -= bytes;
  }
  return undefined;
}

/** Decided by the job, while it is known and the file is unchanged; else by the file's bytes. */
async function isStored(found: Found, job: Job | undefined, tidying: Tidying): Promise<boolean> {
  const { view, feed, files } = tidying;
  const facts = job?.payload as JobFacts | undefined;
  const asSealed = facts?.sealed && sameBytes(facts.sealed.identity, found.stat) && facts.sha256;
  const entry = files.entryOrNone(files.work(found.inside), found.at);
  const sha256 = asSealed ? Buffer.from(asSealed, 'hex') : entry && (await digestOf(entry, found.stat, tidying));
  const content = sha256 && view.read((r) => contentByHash(r, feed, sha256));
  if (content === undefined || !hasEnded(content)) return false;
  // This copy may be the last one of a content that nobody saw in the warehouse, or that was taken out of it, here or at another host.
  if (content.state === 'elsewhere') return noteElsewhere(view, content) === 'elsewhere';
  return content.state !== 'unconfirmed' && content.state !== 'withdrawn';
}

/** Undefined where it cannot be read, or was changed meanwhile. */
async function digestOf(entry: Entry, stat: Stat, { pieces, isOver }: Tidying): Promise<Buffer | undefined> {
  const take = async (): Promise<void> => {
    if (isOver()) throw new Interrupted();
  };
  try {
    return await pieces.piece(() => digestAt(entry, stat, { take }));
  } catch (error) {
    if (error instanceof Interrupted) return undefined;
    throw error;
  }
}

/** A stop does not wait until a file of a terabyte is read. */
class Interrupted extends Error {}

/** Returns false where it is no longer the file that was checked. */
function removeOne({ inside, at, stat }: Found, { files }: Tidying, folder: ByteName): boolean {
  const work = files.work(inside);
  const entry = files.entryOrNone(work, at);
  if (!entry || statEntry(entry)?.version !== stat.version) return false;
  try {
    unlinkAt(entry.dir, entry.name);
  } catch (error) {
    if (error instanceof LinuxError && error.code === 'ENOENT') return false;
    throw error;
  }
  work.removeEmpty(folderOf(at), folder);
  return true;
}

function shownPath({ inside, at }: Found, { files: { roots } }: Tidying): string {
  const work = inside === '' ? roots.work : `${roots.input}/${shownName(inside)}/${INNER_WORK}`;
  return `${work}/${shownName(at)}`;
}

/** The rules that a feed's options set for its folders. A folder without options has no rule. */
export const rulesOf = (feed: Keeping): FolderRule[] =>
  [
    { folder: DUPLICATES, keepMs: feed.keepDuplicatesMs, bytesMax: feed.duplicatesMaxBytes },
    { folder: FAILED, keepMs: feed.keepFailedMs, bytesMax: feed.failedMaxBytes },
  ].filter(({ keepMs, bytesMax }) => keepMs !== undefined || bytesMax !== undefined);
