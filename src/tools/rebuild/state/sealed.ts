/**
 * The files in `underprocess/`, each hashed once and noted in a table of the rebuild, so that a manifest line finds the file with
 * its content, however many there are.
 * Guarantees: bounded memory.
 * Does not: move or change a file, except sidecars of an interrupted seal (`settleSidecars`).
 */
import { closeSync } from 'node:fs';
import type { Backend, Job, Reader, Tx } from '../../../../queue/backend.js';
import type { Work } from '../../../base/telemetry/progress.js';
import { digestWhole } from '../../../files/digest.js';
import { FAILED, type Part, UNDERPROCESS } from '../../../files/job-paths.js';
import { moveOwnToFree } from '../../../files/moves.js';
import { openEntry } from '../../../files/probe.js';
import { type FeedFiles, statEntry, type WorkKey } from '../../../ingest/files/feed-files.js';
import { putBack } from '../../../ingest/files/put-back.js';
import { sealedNames } from '../../../ingest/files/sealed-names.js';
import { bringOn } from '../../../ingest/files/take.js';
import { type JobFacts, payloadOf } from '../../../ingest/rules/facts.js';
import { identityOf } from '../../../ingest/rules/identity.js';
import { foundFacts } from '../../../ingest/upkeep/reaper.js';
import { type ByteName, bytesOfName, statFd } from '../../../linux/index.js';

export interface SealedFile {
  job: string;
  part: Part;
  key: Buffer;
  inside: string;
  sha256: Buffer;
  identity: string;
  size: number;
  /** JSON: the facts for a job that takes the file (JobFacts). */
  facts: string;
}

/** Files per transaction. */
const BATCH = 500;
const COLUMNS = 'job, part, key, inside, sha256, identity, size, facts';

/** `unreadable`: files that could not be read. Their jobs find out why. */
export async function noteSealed(
  backend: Backend,
  feed: string,
  files: FeedFiles,
  progress: (work: Work) => void,
): Promise<{ files: number; unreadable: number }> {
  const noted = { files: 0, unreadable: 0 };
  let batch: SealedFile[] = [];
  bringAllOn(backend, files);
  const work = { part: 'reading the work directory', files: 0, bytes: 0, ...sizeOf(files) };
  for (const { part, ...job } of toRead(files)) {
    if (part === 'file') noted.files++;
    progress(work);
    const read = await digestOf(files, job, part);
    work.files++;
    work.bytes += read?.size ?? 0;
    const { id, path, inside } = job;
    if (read === undefined) noted.unreadable++;
    else if (batch.push({ job: id, part, key: bytesOfName(path), inside, ...read }) >= BATCH) {
      await enterSealed(backend, feed, batch);
      batch = [];
    }
  }
  await enterSealed(backend, feed, batch);
  return noted;
}

/** The sealed files and private copies. */
function* toRead(files: FeedFiles): Generator<WorkKey & { part: Part }> {
  for (const { jobId: id, part, path, inside } of sealedNames(files))
    if ((part === 'file' || part === 'copy') && path !== undefined) yield { id, part, path, inside };
}

function sizeOf(files: FeedFiles): { filesAll: number; bytesAll: number } {
  const all = { filesAll: 0, bytesAll: 0 };
  for (const { part, ...job } of toRead(files)) {
    all.filesAll++;
    all.bytesAll += statEntry(files.workEntry(job, part))?.size ?? 0;
  }
  return all;
}

/** Claims that died while they took a file. Nobody lives now, so each file gets its name. */
function bringAllOn(backend: Backend, files: FeedFiles): void {
  for (const { jobId: id, part, inside } of sealedNames(files)) {
    if (part !== 'claims') continue;
    const { putAway } = (backend.job(id)?.payload ?? {}) as Partial<JobFacts>;
    bringOn(files, { id, inside }, putAway === undefined ? UNDERPROCESS : FAILED);
  }
}

const enterSealed = (backend: Backend, feed: string, batch: readonly SealedFile[]): Promise<unknown> =>
  backend.transact((tx) => {
    for (const { job, part, key, inside, sha256, identity, size, facts } of batch)
      tx.run(
        `INSERT INTO rebuild_sealed (feed, ${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[feed, job, part, key, inside, sha256, identity, size, facts],
      );
  });

/** A file that changes meanwhile fits neither its line nor this identity of before: it is held, or hashed again. */
async function digestOf(
  files: FeedFiles,
  job: WorkKey,
  part: Part,
): Promise<Pick<SealedFile, 'sha256' | 'identity' | 'size' | 'facts'> | undefined> {
  const entry = files.workEntry(job, part);
  const opened = entry && openEntry(entry);
  if (opened?.fd === undefined) return undefined;
  try {
    const stat = statFd(opened.fd);
    if (stat.kind !== 'file') return undefined;
    const { sha256 } = await digestWhole(opened.fd, stat.size);
    const facts = JSON.stringify(foundFacts(files, job, stat));
    return { sha256, identity: identityOf(stat), size: stat.size, facts };
  } finally {
    closeSync(opened.fd);
  }
}

/** Files whose lines were taken back and that are not decided yet. */
export const withdrawnFiles = (tx: Tx, feed: string, max: number): SealedFile[] =>
  tx.all<SealedFile>(
    `SELECT ${COLUMNS} FROM rebuild_sealed s WHERE feed = ? AND part = 'file'
        AND EXISTS (SELECT 1 FROM rebuild_withdrawn w WHERE w.feed = s.feed AND w.job = s.job)
        AND NOT EXISTS (SELECT 1 FROM rebuild_settled t WHERE t.job = s.job) LIMIT ?`,
    feed,
    max,
  );

/** The files of one job: the sealed one, and its private copy. */
export const sealedOf = (reader: Reader, feed: string, job: string): SealedFile[] =>
  reader.all<SealedFile>(`SELECT ${COLUMNS} FROM rebuild_sealed WHERE feed = ? AND job = ?`, feed, job);

/** The sealed file of a job may have the same bytes in another inode. */
export function followSealed(tx: Tx, job: Job, facts: JobFacts, own: readonly SealedFile[]): void {
  const { sealed, sha256 } = facts;
  const file = own.find(({ part }) => part === 'file');
  if (!sealed || !file || file.identity === sealed.identity || file.sha256.toString('hex') !== sha256) return;
  const { identity } = file;
  tx.amend(job.id, { identity, payload: payloadOf({ ...facts, sealed: { ...sealed, identity } }) });
}

export const hasSealed = (reader: Reader, feed: string, sha256: Buffer): boolean =>
  reader.get('SELECT 1 FROM rebuild_sealed WHERE feed = ? AND sha256 = ?', feed, sha256) !== undefined;

/** Returns the oldest job, not discarded and not the line's own, that has a file with the line's content. */
export const heirIn = (tx: Tx, feed: string, sha256: Buffer, own: string): string | undefined =>
  tx.get<{ job: string }>(
    `SELECT job FROM rebuild_sealed s WHERE feed = ? AND sha256 = ? AND job <> ?
        AND NOT EXISTS (SELECT 1 FROM rebuild_withdrawn w WHERE w.feed = s.feed AND w.job = s.job)
        AND NOT EXISTS (SELECT 1 FROM rebuild_settled t WHERE t.job = s.job)
      ORDER BY job LIMIT 1`,
    ...[feed, sha256, own],
  )?.job;

/**
 * A sidecar is sealed before its file, and a crash may come between. If the file is still in the input, unchanged, the sidecar goes
 * back there. Otherwise the sidecar belonged to a version that is gone, and must not be paired with the file there now.
 * `isJobs`: a job will put the sidecar away itself.
 */
export async function settleSidecars(
  files: FeedFiles,
  suffix: ByteName,
  isJobs: (id: string) => boolean,
): Promise<{ back: number; failed: number }> {
  const settled = { back: 0, failed: 0 };
  const alone = [...sealedNames(files)].filter(
    ({ jobId: id, part, path, inside }) =>
      part === 'sidecar' &&
      path !== undefined &&
      !isJobs(id) &&
      !statEntry(files.workEntry({ id, path, inside }, 'file')),
  );
  for (const { jobId: id, path, inside } of alone) {
    const job = { id, path: path!, inside };
    const from = files.workEntry(job, 'sidecar')!;
    const sealedAt = statEntry(from)!.ctimeNs;
    const file = statEntry(files.entryOrNone(files.input, path!));
    const to = files.entryOrNone(files.input, (path + suffix) as ByteName);
    // The rename into underprocess/ was the sidecar's last change. A file that changed later is another version. A file that
    // changed in the same tick of the kernel's clock may be one.
    if (file?.kind === 'file' && file.ctimeNs < sealedAt && to && (await putBack(files, job, from, to))) {
      settled.back++;
    } else {
      moveOwnToFree(from, files.makeWorkEntry(job, 'sidecar', FAILED));
      settled.failed++;
    }
  }
  return settled;
}
