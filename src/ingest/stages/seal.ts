/**
 * The seal: opens, compares, asks for writers, renames (the sidecar first), asks again.
 * Guarantees: what lies in `underprocess/` afterwards is the file that was verified and nobody writes it, or it goes through
 * a window there before it is hashed.
 * Does not: hold the lease across the rename: an opener that waits for it would get the sealed inode afterwards (1,083 of
 * 1,500 under attack).
 */
import { closeSync } from 'node:fs';
import type { Entry } from '../../files/directories.js';
import type { DirtyDirectories } from '../../files/dirty.js';
import { mountOf } from '../../files/mounts.js';
import { inPlace } from '../../files/place-error.js';
import { folderOf, type Part } from '../../files/places.js';
import { type Probe, probeFd, probeNamed } from '../../files/probe.js';
import { type ByteName, LinuxError, nameOfText, renameNoReplace, type Stat } from '../../linux/index.js';
import { statEntry } from '../files/feed-files.js';
import type { SidecarRead } from '../files/sidecar.js';
import { identityOf } from '../rules/identity.js';
import { sameBytes, unchanged } from '../rules/verified.js';
import { candidateIdentity } from './candidate.js';
import type { IngestJob } from './job.js';
import { type SealedStep, sealedStep } from './sealed-step.js';
import { type Batch, defer, hold, openIn, retry, type Step, WRITER_FIRST_MS, writerMs } from './stage.js';

/** What follows on the same descriptor once a file is sealed and quiet: nothing, or its hash. */
export type GoOn = (sealed: SealedStep, fd: number, probe: Probe) => Step;

/** Opens, compares, probes, renames, probes again. */
export function seal(
  job: IngestJob,
  batch: Batch,
  dirty: DirtyDirectories,
  entry: Entry,
  stat: Stat,
  toSeal: SidecarRead | undefined,
  sidecar: SidecarRead,
  goOn: GoOn,
): Step {
  const opened = openIn('input', batch, entry);
  if (opened.fd === undefined) return cannotOpen(job, opened.code);
  try {
    const before = probeFd(opened.fd, batch.files.kinds);
    if (!unchanged(identityOf(stat), before.stat)) return defer(0, 'changed');
    if (before.writer === 'writer') return writerLeft(job, batch, entry, stat);
    const withSidecar = sidecar.seen.kind === 'there' && batch.feed.mode === 'sidecar';
    const moved = moveIn(job, batch, dirty, entry, toSeal?.seen.kind === 'there');
    if (moved !== undefined) return moved;
    return afterRename(job, batch, dirty, opened.fd, stat, withSidecar ? sidecar : undefined, goOn);
  } finally {
    closeSync(opened.fd);
  }
}

/** The renames: the sidecar first, so that a crash between the two never leaves a file whose sidecar stayed behind. */
function moveIn(
  job: IngestJob,
  batch: Batch,
  dirty: DirtyDirectories,
  entry: Entry,
  sidecarToo: boolean,
): Step | undefined {
  try {
    if (sidecarToo) moveOne(job, batch, dirty, 'sidecar', (job.path + batch.feed.sidecarSuffix) as ByteName);
    moveOne(job, batch, dirty, 'file', job.path);
    return undefined;
  } catch (error) {
    if (error instanceof LinuxError) return renameFailed(job, batch, entry, error);
    throw error;
  }
}

function moveOne(job: IngestJob, batch: Batch, dirty: DirtyDirectories, part: Part, path: ByteName): void {
  const { input, roots } = batch.files;
  const to = inPlace('work', roots.work, 'write', () => batch.files.makeWorkEntry(job, part));
  const from = input.entry(path);
  inPlace('input', roots.input, 'write', () => renameNoReplace(from.dir, from.name, to.dir, to.name));
  dirty.add(batch.files.work(job.inside), folderOf(batch.files.workPath(job, part)));
  dirty.add(input, folderOf(path));
}

function renameFailed(job: IngestJob, batch: Batch, entry: Entry, error: LinuxError): Step {
  switch (error.code) {
    case 'ENOENT':
    case 'EEXIST': // somebody removed it just now, or it is sealed already: the next look decides
      return defer(0, 'changed');
    case 'EXDEV': {
      const inside = mountOf(batch.files.input, job.path);
      if (inside === job.inside) throw error;
      batch.files.makeInnerWork(inside);
      return defer(0, 'other_mount', { ...job.facts, inside });
    }
    case 'EACCES':
    case 'EPERM': {
      const sticky = (statEntry({ dir: entry.dir, name: nameOfText('.') })?.mode ?? 0) & 0o1000;
      return sticky
        ? hold(
            'sticky_directory',
            'its directory has the sticky bit and the file belongs to another user, so it cannot be moved: run as its owner or as root, or remove the bit (chmod -t), then ingest-ctl retry',
          )
        : hold(
            'not_permitted',
            `the file may not be moved out of its directory (${error.code}): give this user write permission there, then ingest-ctl retry`,
          );
    }
    default:
      throw error;
  }
}

/** Second probe. The file that lies under our name must be the one that was verified, and nobody may be writing it. */
function afterRename(
  job: IngestJob,
  batch: Batch,
  dirty: DirtyDirectories,
  fd: number,
  verified: Stat,
  sidecar: SidecarRead | undefined,
  goOn: GoOn,
): Step {
  const file = batch.files.workEntry(job, 'file')!;
  const probe = probeNamed(fd, file, batch.files.kinds);
  if (probe?.stat.ino !== verified.ino || probe.stat.dev !== verified.dev)
    return judge(job, batch, dirty, file, sidecar);
  const asVerified = sameBytes(identityOf(verified), probe.stat);
  return goOn(sealedStep(job, batch, probe, sidecar, asVerified, identityOf(verified)), fd, probe);
}

/** A file that lies in `underprocess/` already: sealed before a crash, or another one than was opened. */
export function judge(
  job: IngestJob,
  batch: Batch,
  dirty: DirtyDirectories,
  entry: Entry,
  sidecar: SidecarRead | undefined,
): Step {
  // The rename may be from before a crash, and never synced.
  dirty.add(batch.files.input, folderOf(job.path));
  dirty.add(batch.files.work(job.inside), folderOf(batch.files.workPath(job, 'file')));
  const opened = openIn('work', batch, entry);
  if (opened.fd === undefined) return cannotOpen(job, opened.code);
  try {
    const probe = probeFd(opened.fd, batch.files.kinds);
    const seen = job.facts.seen!;
    const asVerified = sameBytes(seen.identity, probe.stat) && seen.boot === batch.boot;
    return sealedStep(job, batch, probe, sidecar, asVerified, identityOf(probe.stat));
  } finally {
    closeSync(opened.fd);
  }
}

function writerLeft(job: IngestJob, batch: Batch, entry: Entry, stat: Stat): Step {
  const refusals = (job.facts.refusals ?? 0) + 1;
  const seen = { identity: candidateIdentity(batch, stat, entry), bytes: stat.size };
  return defer(writerMs(refusals), 'writer_open', { ...job.facts, refusals }, seen);
}

function cannotOpen(job: IngestJob, code: string): Step {
  if (code === 'EAGAIN') return defer(WRITER_FIRST_MS, 'writer_open');
  if (code === 'EACCES' || code === 'EPERM')
    return hold(
      'unreadable',
      `the file may not be read by this user (${code}): give it read permission, then ingest-ctl retry`,
      job.facts,
    );
  if (code === 'EIO')
    return retry('eio', 'reading the file answers with an I/O error: look at the kernel log and the disk');
  return defer(0, 'changed');
}

/** Entries of the job's own file and sidecar in `underprocess/`; undefined when no name can hold them. */
export function workEntries(
  job: IngestJob,
  batch: Batch,
): { file: Entry | undefined; sidecar: Entry | undefined } | undefined {
  if (!batch.files.canHold(job)) return undefined;
  return { file: batch.files.workEntry(job, 'file'), sidecar: batch.files.workEntry(job, 'sidecar') };
}
