/**
 * verify-complete: finds out whether a file in the input is complete, and seals it: it is renamed into `underprocess/`,
 * out of the uploader's reach.
 * Guarantees: a sealed file was unchanged over its whole window and, where the kernel can tell, no writer had it open just
 * before and just after the rename; its sidecar is sealed before it. The seal is on disk before the key is freed.
 * Does not: hold a lease across the rename: an opener that waits for it would get the sealed inode afterwards (1,083 of
 * 1,500 under attack).
 */
import { closeSync } from 'node:fs';
import type { Entry } from '../files/directories.js';
import { DirtyDirectories } from '../files/dirty.js';
import { statEntry } from '../files/feed-files.js';
import { identityOf } from '../files/identity.js';
import { mountOf } from '../files/mounts.js';
import { inPlace } from '../files/place-error.js';
import { folderOf, type Part } from '../files/places.js';
import { openEntry, type Probe, probeFd } from '../files/probe.js';
import { sameBytes, unchanged } from '../files/verified.js';
import { type ByteName, LinuxError, nameOfText, renameNoReplace, type Stat } from '../linux/index.js';
import { completion } from './completion.js';
import type { IngestJob, JobFacts, Sealed } from './job.js';
import { payloadOf } from './job.js';
import { putSidecarAside } from './put-away.js';
import { readSidecar, type SidecarRead } from './sidecar.js';
import { type Batch, defer, durably, eachJob, hold, type Stage, type Step } from './stage.js';

/** A writer that was met is asked for again after this, doubling up to the second. */
const WRITER_FIRST_MS = 250;
const WRITER_LONGEST_MS = 60_000;

export const verifyComplete: Stage = {
  name: 'verify-complete',

  async run(jobs, batch) {
    const dirty = new DirtyDirectories();
    const handled = await eachJob(jobs, batch, (job) => verify(job, batch, dirty));
    // One sync a batch: the renames are on disk before the commit that says "sealed".
    return durably(this.name, batch, handled, () => dirty.sync());
  },
};

function verify(job: IngestJob, batch: Batch, dirty: DirtyDirectories): Step {
  const work = workEntries(job, batch);
  if (work === undefined) return nameTooLong(job);
  if (statEntry(work.file))
    return judge(job, batch, dirty, work.file!, statEntry(work.sidecar) ? readSidecar(work.sidecar) : undefined);

  const entry = inputEntry(job, batch);
  const stat = statEntry(entry);
  const sealedSidecar = statEntry(work.sidecar) ? readSidecar(work.sidecar) : undefined;
  if (!entry || !stat || stat.kind !== 'file') return gone(job, batch, dirty, sealedSidecar !== undefined, stat);
  if (sealedSidecar && !unchanged(job.facts.seen.identity, stat)) {
    // The sidecar belonged to a version that is gone; it is never paired with what lies there now.
    putSidecarAside(job, batch, dirty);
    return defer(0, 'sidecar_of_earlier_version');
  }
  const sidecar = sealedSidecar ?? sidecarInInput(job, batch);
  const rule = sealedSidecar
    ? { complete: true as const }
    : completion(batch.feed, job.facts.seen, stat, sidecar.seen, batch.now());
  if (!rule.complete) {
    const facts = rule.seen ? { ...job.facts, seen: rule.seen, refusals: 0 } : job.facts;
    return defer(rule.inMs, rule.why, facts, candidateIdentity(batch, stat, entry));
  }
  const tooLarge = sizeRule(job, batch, stat);
  return tooLarge ?? seal(job, batch, dirty, entry, stat, sealedSidecar ? undefined : sidecar, sidecar);
}

/** The file is not there any more, or is no regular file: nothing of ours was in it yet. */
function gone(
  job: IngestJob,
  batch: Batch,
  dirty: DirtyDirectories,
  sidecarSealed: boolean,
  stat: Stat | undefined,
): Step {
  if (sidecarSealed) putSidecarAside(job, batch, dirty);
  return { outcome: { kind: 'drop', why: stat ? `became_${stat.kind}` : 'vanished' } };
}

function sizeRule(job: IngestJob, batch: Batch, stat: Stat): Step | undefined {
  const { minBytes, maxBytes } = batch.feed;
  if (stat.size > maxBytes)
    return hold(
      'too_large',
      `the file has ${stat.size} bytes and --max-bytes is ${maxBytes}: raise it and run ingest-ctl retry, or remove the file`,
      job.facts,
    );
  if (stat.size < minBytes)
    return hold(
      'too_small',
      `the file has ${stat.size} bytes and --min-bytes is ${minBytes}: lower it and run ingest-ctl retry, or remove the file`,
      job.facts,
    );
  return undefined;
}

/** Opens, compares, probes, renames, probes again. */
function seal(
  job: IngestJob,
  batch: Batch,
  dirty: DirtyDirectories,
  entry: Entry,
  stat: Stat,
  toSeal: SidecarRead | undefined,
  sidecar: SidecarRead,
): Step {
  const opened = openEntry(entry);
  if (opened.fd === undefined) return cannotOpen(job, opened.code);
  try {
    const before = probeFd(opened.fd);
    if (!unchanged(identityOf(stat), before.stat)) return defer(0, 'changed');
    if (before.writer === 'writer') return writerLeft(job, batch, entry, stat);
    const withSidecar = sidecar.seen.kind === 'there' && batch.feed.mode === 'sidecar';
    const moved = moveIn(job, batch, dirty, entry, toSeal?.seen.kind === 'there');
    if (moved !== undefined) return moved;
    return afterRename(job, batch, dirty, opened.fd, stat, withSidecar ? sidecar : undefined);
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
): Step {
  const work = workEntries(job, batch)!;
  const lies = statEntry(work.file);
  if (lies?.ino !== verified.ino || lies.dev !== verified.dev) return judge(job, batch, dirty, work.file!, sidecar);
  return sealedStep(job, batch, probeFd(fd), sidecar, sameBytes(identityOf(verified), lies), identityOf(verified));
}

/** A file that lies in `underprocess/` already: sealed before a crash, or another one than was opened. */
function judge(
  job: IngestJob,
  batch: Batch,
  dirty: DirtyDirectories,
  entry: Entry,
  sidecar: SidecarRead | undefined,
): Step {
  // The rename may be from before a crash, and never synced.
  dirty.add(batch.files.input, folderOf(job.path));
  dirty.add(batch.files.work(job.inside), folderOf(batch.files.workPath(job, 'file')));
  const opened = openEntry(entry);
  if (opened.fd === undefined) return cannotOpen(job, opened.code);
  try {
    const probe = probeFd(opened.fd);
    const asVerified = sameBytes(job.facts.seen.identity, probe.stat) && job.facts.seen.boot === batch.boot;
    return sealedStep(job, batch, probe, sidecar, asVerified, identityOf(probe.stat));
  } finally {
    closeSync(opened.fd);
  }
}

/** The job goes on with the file in `underprocess/`: at once, or after a window there. */
function sealedStep(
  job: IngestJob,
  batch: Batch,
  probe: Probe,
  sidecar: SidecarRead | undefined,
  asVerified: boolean,
  identity: string,
): Step {
  const kind = probe.writer === 'unknown' ? 'copy' : 'lease';
  const now = batch.now();
  const quiet = asVerified && probe.writer === 'none';
  const sealed: Sealed = {
    identity,
    kind,
    ...(probe.because !== undefined && { because: probe.because }),
    ...(sidecar && { sidecar: true }),
    ...(!quiet && {
      window: { identity: identityOf(probe.stat), sinceMs: now.ms, boot: now.boot, by: 'write' as const },
    }),
  };
  const { refusals: _, ...rest } = job.facts;
  const facts: JobFacts = { ...rest, sealed, ...(sidecar?.demanded && { demanded: sidecar.demanded }) };
  return {
    outcome: {
      kind: 'advance',
      payload: payloadOf(facts),
      freeKey: true,
      bytes: probe.stat.size,
      identity: identityOf(probe.stat),
    },
    told: () =>
      batch.emit('file_ready', {
        feed: batch.feed.name,
        job: job.id,
        path: job.path,
        bytes: probe.stat.size,
        seal: kind,
      }),
  };
}

function writerLeft(job: IngestJob, batch: Batch, entry: Entry, stat: Stat): Step {
  const refusals = (job.facts.refusals ?? 0) + 1;
  const inMs = Math.min(WRITER_FIRST_MS * 2 ** Math.min(refusals - 1, 10), WRITER_LONGEST_MS);
  return defer(inMs, 'writer_open', { ...job.facts, refusals }, candidateIdentity(batch, stat, entry));
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
    return {
      outcome: {
        kind: 'retry',
        code: 'eio',
        error: 'reading the file answers with an I/O error: look at the kernel log and the disk',
      },
    };
  return defer(0, 'changed');
}

const nameTooLong = (job: IngestJob): Step =>
  hold(
    'name_too_long',
    `its path has ${job.path.length} bytes, which no name in the work directory can hold: move it to a shorter path`,
    job.facts,
  );

/** Entries of the job's own file and sidecar in `underprocess/`; undefined when no name can hold them. */
function workEntries(
  job: IngestJob,
  batch: Batch,
): { file: Entry | undefined; sidecar: Entry | undefined } | undefined {
  if (!batch.files.canHold(job)) return undefined;
  return { file: batch.files.workEntry(job, 'file'), sidecar: batch.files.workEntry(job, 'sidecar') };
}

/** Undefined where a directory of its path has gone or was swapped for a symlink. */
const inputEntry = (job: IngestJob, batch: Batch): Entry | undefined =>
  batch.files.entryOrNone(batch.files.input, job.path);

function sidecarInInput(job: IngestJob, batch: Batch): SidecarRead {
  if (batch.feed.mode !== 'sidecar') return readSidecar(undefined);
  return readSidecar(batch.files.entryOrNone(batch.files.input, (job.path + batch.feed.sidecarSuffix) as ByteName));
}

/** As the producer computes it, so that its next scan finds the row unchanged. */
function candidateIdentity(batch: Batch, stat: Stat, entry: Entry): string {
  if (batch.feed.mode !== 'sidecar') return identityOf(stat);
  return identityOf(
    stat,
    statEntry({ dir: entry.dir, name: (entry.name + batch.feed.sidecarSuffix) as ByteName }) ?? null,
  );
}
