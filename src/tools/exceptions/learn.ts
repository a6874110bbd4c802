/**
 * `ingest-ctl learn DIR|FILE`: enters the contents of files that were loaded by other means into the ledger, so that the same content
 * counts as a duplicate when it is dropped. The files are only read.
 * Guarantees: known contents stay as they are. Files that the ledger brought into the warehouse, outputs too, are passed by. A file that changes while it is read is not learned. A second run adds what is
 * missing.
 * Does not: write manifest lines, or survive a lost state. Run it again after `ingest-ctl rebuild`. Does not know an output of a content
 * whose record was pruned: it would become a content, so single files of a warehouse are learned alone.
 */
import { closeSync } from 'node:fs';
import type { Backend, Reader } from '../../../queue/backend.js';
import type { Work } from '../../base/telemetry/progress.js';
import { digestUnchanged } from '../../files/digest.js';
import { Directories } from '../../files/directories.js';
import { entriesBelow } from '../../files/entries-below.js';
import { SUCCESS } from '../../files/job-paths.js';
import { errnoOf } from '../../files/place-error.js';
import { FsKinds, openEntry, probeFd } from '../../files/probe.js';
import { openRoot } from '../../ingest/files/feed-files.js';
import { contentByHash, insertContent, NO_LINE } from '../../ingest/ledger/content.js';
import { givenAt, warehouseOf } from '../../ingest/ledger/names.js';
import {
  type ByteName,
  bytesOfName,
  joinNames,
  nameOfBytes,
  nameOfText,
  type Stat,
  statAtOrNone,
} from '../../linux/index.js';

const BATCH = 1_000;
const BATCH_BYTES = 256 << 20;

export interface LearnOptions {
  /** An absolute path without symlinks. */
  directory: string;
  /** In the directory, if it is learned alone. */
  file: ByteName | undefined;
  feed: string;
  /** The feed's warehouse, if the state knows it. A learned file in it keeps its path in the ledger. */
  warehouse: string | undefined;
}

const NOTHING = {
  learned: 0,
  /** Files with a content that was known, or that a content brought into the warehouse. */
  known: 0,
  /** Skipped: hidden files, files that are not regular, and an empty `_SUCCESS`. */
  ignored: 0,
  bytes: 0,
  /** Files that could not be read, or that changed meanwhile. */
  failed: 0,
};
export type Learned = typeof NOTHING;

interface Found {
  path: ByteName;
  size: number;
}

interface Read {
  path: ByteName;
  stat: Stat;
  sha256: Buffer;
}

export async function learn(
  backend: Backend,
  options: LearnOptions,
  report: (path: ByteName, why: string) => void,
  progress: (work: Work) => void,
): Promise<Learned> {
  const totals: Learned = { ...NOTHING };
  let batch: Read[] = [];
  let bytes = 0;
  const enter = async (): Promise<void> => {
    const strange = backend.read((reader) => batch.filter((read) => !isBrought(reader, options, read)));
    totals.learned += await record(backend, options, strange);
    totals.known += batch.length;
    batch = [];
    bytes = 0;
  };
  const root = new Directories(openRoot(options.directory));
  try {
    const leftOut: LeftOut = (path, why) => {
      totals.failed++;
      report(path, why);
    };
    const found = (totals: Learned, leftOut: LeftOut) =>
      options.file === undefined ? filesBelow(root, totals, leftOut) : alone(root, options.file);
    const work = { ...sizeOf(found({ ...NOTHING }, () => {})), files: 0, bytes: 0 };
    for (const { path } of found(totals, leftOut)) {
      progress(work);
      const read = await readOne(root, path);
      work.files++;
      if ('why' in read) {
        leftOut(path, read.why);
        continue;
      }
      totals.bytes += read.stat.size;
      work.bytes += read.stat.size;
      bytes += read.stat.size;
      if (batch.push(read) >= BATCH || bytes >= BATCH_BYTES) await enter();
    }
    await enter();
  } finally {
    root.close();
  }
  totals.known -= totals.learned;
  return totals;
}

type LeftOut = (path: ByteName, why: string) => void;

/** What is to be read. */
function sizeOf(found: Iterable<Found>): { filesAll: number; bytesAll: number } {
  const all = { filesAll: 0, bytesAll: 0 };
  for (const { size } of found) {
    all.filesAll++;
    all.bytesAll += size;
  }
  return all;
}

const alone = (root: Directories, path: ByteName): Found[] => [
  { path, size: statAtOrNone(root.rootFd, path)?.size ?? 0 },
];

function* filesBelow(root: Directories, totals: Learned, leftOut: LeftOut): Generator<Found> {
  const failed = (path: ByteName, error: unknown): void => {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    leftOut(path, `its files cannot be looked at (${code})`);
  };
  for (const { path, name, stat } of entriesBelow(root, { enters: isShown, failed })) {
    const isMarker = name === SUCCESS && stat.size === 0;
    if (stat.kind === 'directory' && isShown({ name })) continue;
    if (stat.kind === 'file' && isShown({ name }) && !isMarker) yield { path, size: stat.size };
    else totals.ignored++;
  }
}

const isShown = ({ name }: { name: ByteName }): boolean => !name.startsWith('.');

async function readOne(root: Directories, path: ByteName): Promise<Read | { why: string }> {
  try {
    const opened = openEntry(root.entry(path));
    if (opened.fd === undefined) return { why: `it cannot be opened (${opened.code})` };
    try {
      const { stat, writer } = probeFd(opened.fd, new FsKinds());
      if (stat.kind !== 'file') return { why: 'it is no regular file any more' };
      if (writer === 'writer') return { why: 'somebody has it open for writing' };
      const sha256 = await digestUnchanged(opened.fd, stat);
      return sha256 ? { path, stat, sha256 } : { why: 'it was written to while it was read' };
    } finally {
      closeSync(opened.fd);
    }
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    return { why: `it cannot be read (${code})` };
  }
}

/** A file in the warehouse that a content brought there: its own, or an output. To learn an output would make it a content. */
function isBrought(reader: Reader, { directory, feed, warehouse }: LearnOptions, { path, sha256 }: Read): boolean {
  const target = targetOf(joinNames(nameOfText(directory), path), warehouse);
  const number = warehouseOf(reader, feed);
  const given = target === null || number === undefined ? undefined : givenAt(reader, number, nameOfBytes(target));
  if (!given) return false;
  const its =
    given.n === 0
      ? 'SELECT 1 FROM contents WHERE row = ? AND ? = 0 AND sha256 = ?'
      : 'SELECT 1 FROM outputs WHERE content = ? AND n = ? AND sha256 = ?';
  return reader.get(its, given.content, given.n, sha256) !== undefined;
}

/** Returns how many contents were new. */
async function record(backend: Backend, options: LearnOptions, batch: Read[]): Promise<number> {
  const { directory, feed } = options;
  if (batch.length === 0) return 0;
  return backend.transact((tx) => {
    let learned = 0;
    for (const { path, stat, sha256 } of batch) {
      if (contentByHash(tx, feed, sha256)) continue;
      const whole = joinNames(nameOfText(directory), path);
      insertContent(tx, {
        feed,
        sha256,
        generation: 1,
        state: 'learned',
        carrier: '',
        size: stat.size,
        device: String(stat.dev),
        inode: String(stat.ino),
        mtimeNs: String(stat.mtimeNs),
        sourcePath: bytesOfName(whole),
        seal: 'copy',
        ...NO_LINE,
      });
      learned++;
    }
    return learned;
  });
}

function targetOf(path: ByteName, warehouse: string | undefined): Buffer | null {
  const prefix = warehouse === undefined ? undefined : `${nameOfText(warehouse)}/`;
  return prefix !== undefined && path.startsWith(prefix) ? Buffer.from(path.slice(prefix.length), 'latin1') : null;
}
