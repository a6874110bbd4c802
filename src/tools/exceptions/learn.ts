/**
 * `ingest-ctl learn DIR`: enters the contents of files that were loaded by other means into the ledger, so that the same content
 * counts as a duplicate when it is dropped. The files are only read.
 * Guarantees: known contents stay as they are. A file that changes while it is read is not learned. A second run adds what is
 * missing.
 * Does not: write manifest lines, or survive a lost state. Run it again after `ingest-ctl rebuild`.
 */
import { randomUUID } from 'node:crypto';
import { closeSync } from 'node:fs';
import type { Backend } from '../../../queue/backend.js';
import { digestLarge, digestSmall, SMALL_BYTES } from '../../files/digest.js';
import { Directories } from '../../files/directories.js';
import { SUCCESS } from '../../files/job-paths.js';
import { namesIn } from '../../files/names-in.js';
import { errnoOf } from '../../files/place-error.js';
import { FsKinds, openEntry, probeFd } from '../../files/probe.js';
import type { Rows } from '../../fleet/connection.js';
import { sendStored } from '../../fleet/send.js';
import { openRoot } from '../../ingest/files/feed-files.js';
import { contentByHash, insertContent } from '../../ingest/ledger/content.js';
import { identityOf } from '../../ingest/rules/identity.js';
import {
  type ByteName,
  bytesOfName,
  joinNames,
  nameOfText,
  type Stat,
  statAtOrNone,
  statFd,
} from '../../linux/index.js';

const BATCH = 1_000;
const BATCH_BYTES = 256 << 20;

export interface LearnOptions {
  /** An absolute path without symlinks. */
  directory: string;
  feed: string;
  /** The feed's warehouse, if the state knows it. A learned file in it keeps its path in the ledger. */
  warehouse: string | undefined;
  /** Present if hosts share a ledger. */
  shared?: { rows: Rows; host: string } | undefined;
}

export interface Learned {
  learned: number;
  known: number;
  /** Skipped: hidden files, files that are not regular, and an empty `_SUCCESS`. */
  ignored: number;
  bytes: number;
  /** Files that could not be read, or that changed meanwhile. */
  failed: number;
  /** The number of known contents that another host has. */
  elsewhere: number;
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
  progress: (so: Learned) => void,
): Promise<Learned> {
  const totals: Learned = { learned: 0, known: 0, ignored: 0, bytes: 0, failed: 0, elsewhere: 0 };
  let batch: Read[] = [];
  let bytes = 0;
  const enter = async (): Promise<void> => {
    const others = await ofOthers(backend, options, batch);
    totals.learned += await record(
      backend,
      options,
      batch.filter(({ sha256 }) => !others.has(sha256.toString('hex'))),
    );
    totals.known += batch.length;
    totals.elsewhere += others.size;
    batch = [];
    bytes = 0;
    progress(totals);
  };
  const root = new Directories(openRoot(options.directory));
  try {
    for (const path of filesBelow(root, totals)) {
      const read = await readOne(root, path);
      if ('why' in read) {
        totals.failed++;
        report(path, read.why);
        continue;
      }
      totals.bytes += read.stat.size;
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

/** Depth first. Only the directories that are still to be read are in memory. */
function* filesBelow(root: Directories, totals: Learned): Generator<ByteName> {
  const pending = ['' as ByteName];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    yield* namesBelow(root, at, pending, totals);
  }
}

function* namesBelow(root: Directories, at: ByteName, pending: ByteName[], totals: Learned): Generator<ByteName> {
  for (const name of namesIn(root.directory(at))) {
    const path = joinNames(at, name);
    const stat = statAtOrNone(root.directory(at), name);
    if (!stat) continue;
    const isMarker = name === SUCCESS && stat.size === 0;
    if (name.startsWith('.') || isMarker || (stat.kind !== 'file' && stat.kind !== 'directory')) totals.ignored++;
    else if (stat.kind === 'directory') pending.push(path);
    else yield path;
  }
}

async function readOne(root: Directories, path: ByteName): Promise<Read | { why: string }> {
  try {
    const opened = openEntry(root.entry(path));
    if (opened.fd === undefined) return { why: `it cannot be opened (${opened.code})` };
    try {
      const { stat, writer } = probeFd(opened.fd, new FsKinds());
      if (stat.kind !== 'file') return { why: 'it is no regular file any more' };
      if (writer === 'writer') return { why: 'somebody has it open for writing' };
      const { sha256, bytes } = stat.size <= SMALL_BYTES ? digestSmall(opened.fd) : await digestLarge(opened.fd);
      if (bytes !== stat.size || identityOf(statFd(opened.fd)) !== identityOf(stat))
        return { why: 'it was written to while it was read' };
      return { path, stat, sha256 };
    } finally {
      closeSync(opened.fd);
    }
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    return { why: `it cannot be read (${code})` };
  }
}

/**
 * Sends the contents to the shared ledger first: the files exist, whether or not this process lives to record them. Returns, in
 * hexadecimal, the contents that another host has.
 */
async function ofOthers(
  backend: Backend,
  { feed, shared }: LearnOptions,
  batch: readonly Read[],
): Promise<Set<string>> {
  if (!shared) return new Set();
  const fresh = backend.read((reader) => batch.filter(({ sha256 }) => !contentByHash(reader, feed, sha256)));
  const sent = [...new Map(fresh.map((read) => [read.sha256.toString('hex'), read])).values()].map(
    ({ path, stat, sha256 }) => ({
      sha256,
      feed,
      generation: 1,
      claim: randomUUID(),
      job: 'learned',
      size: stat.size,
      ingestId: null,
      target: bytesOfName(path),
    }),
  );
  const others = await sendStored(shared.rows, shared.host, sent, 'left');
  return new Set(others.map(({ sha256 }) => sha256.toString('hex')));
}

/** Returns how many contents were new. */
async function record(backend: Backend, options: LearnOptions, batch: Read[]): Promise<number> {
  const { directory, feed, warehouse } = options;
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
        state: 'stored',
        carrier: 'learned',
        size: stat.size,
        device: String(stat.dev),
        inode: String(stat.ino),
        mtimeNs: String(stat.mtimeNs),
        sourcePath: bytesOfName(whole),
        seal: 'copy',
        target: targetOf(whole, warehouse),
        note: 'learned',
        hour: null,
        ingestId: null,
        ingestedAtMs: null,
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
