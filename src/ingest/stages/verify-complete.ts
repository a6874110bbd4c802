/**
 * verify-complete: finds out whether a file in the input is complete, and seals it: it is renamed into `underprocess/`,
 * out of the uploader's reach.
 * Guarantees: a sealed file was unchanged over its whole window and, where the kernel can tell, no writer had it open just
 * before and just after the rename; its sidecar is sealed before it. The seal is on disk before the key is freed.
 * Does not: hold a lease across the rename: an opener that waits for it would get the sealed inode afterwards (1,083 of
 * 1,500 under attack).
 */

import type { Entry } from '../../files/directories.js';
import { DirtyDirectories } from '../../files/dirty.js';
import type { ByteName, Stat } from '../../linux/index.js';
import { statEntry } from '../files/feed-files.js';
import { NO_SIDECAR, readSidecar, type SidecarRead } from '../files/sidecar.js';
import { completion } from '../rules/completion.js';
import { unchanged } from '../rules/verified.js';
import { candidateIdentity } from './candidate.js';
import { eachJob } from './each-job.js';
import { hashOnTheWay } from './hash.js';
import { syncHashed } from './hash-sync.js';
import type { IngestJob } from './job.js';
import { planAhead } from './plan-ahead.js';
import { putSidecarAside } from './put-away.js';
import { sealQuickly } from './quick-seal.js';
import { type GoOn, judge, seal, workEntries } from './seal.js';
import { type Batch, defer, durably, hold, type Stage, type Step } from './stage.js';
import { notRead } from './unread.js';

const PARTIAL = 'partial_upload';

export const verifyComplete: Stage = {
  name: 'verify-complete',
  places: ['input', 'work'],

  async run(jobs, batch) {
    const dirty = new DirtyDirectories();
    const quick = await sealQuickly(jobs, batch, dirty);
    const rest = jobs.filter((job) => !quick.get(job));
    const goOn = batch.straight?.mayRun('hash') ? hashOnTheWay(batch) : onlySeal;
    const slow = await eachJob(rest, batch, (job) => verify(job, batch, dirty, goOn, !quick.has(job)));
    let n = 0;
    const handled = jobs.map((job) => quick.get(job) ?? slow[n++]!);
    // One sync a batch: the renames are on disk before the commit that says "sealed".
    const durable = await durably(this.name, batch, handled, () => dirty.sync());
    const steps = await syncHashed(jobs, durable, batch);
    await planAhead(jobs, steps, batch);
    return steps;
  },
};

const onlySeal = (): GoOn => (sealed) => sealed;

/** `isFirst`: nothing was done with it since it was claimed. */
function verify(
  job: IngestJob,
  batch: Batch,
  dirty: DirtyDirectories,
  goOn: (job: IngestJob) => GoOn,
  isFirst: boolean,
): Step {
  const { kinds } = batch.files;
  // Its work directory was removed while nothing lay in it: it is made again as at the first time.
  if (job.inside !== '' && !batch.files.hasWork(job.inside) && statEntry(inputEntry(job, batch)))
    return defer(0, 'other_mount', { ...job.facts, inside: '' });
  // Nothing of it can have been sealed before its first claim; a file that is missing is looked for in any case.
  if (isFirst && job.claim.claimNo === 1 && batch.files.canHold(job)) {
    const entry = inputEntry(job, batch);
    const stat = statEntry(entry);
    if (entry && stat?.kind === 'file') return verifyInInput(job, batch, dirty, goOn, entry, stat);
  }
  const work = workEntries(job, batch);
  if (work === undefined) return nameTooLong(job);
  const sealedSidecar = statEntry(work.sidecar) ? readSidecar(work.sidecar, kinds) : undefined;
  const unread = sealedSidecar && notRead(job, batch, sealedSidecar, job.facts);
  if (statEntry(work.file)) return unread ?? judge(job, batch, dirty, work.file!, sealedSidecar);

  const entry = inputEntry(job, batch);
  const stat = statEntry(entry);
  if (!entry || !stat || stat.kind !== 'file') return gone(job, batch, dirty, sealedSidecar !== undefined, stat);
  if (sealedSidecar && !unchanged(job.facts.seen!.identity, stat)) {
    // The sidecar belonged to a version that is gone; it is never paired with what lies there now.
    putSidecarAside(job, batch, dirty);
    return defer(0, 'sidecar_of_earlier_version');
  }
  return unread ?? verifyInInput(job, batch, dirty, goOn, entry, stat, sealedSidecar);
}

/** A file that lies in the input, and perhaps its sidecar was sealed already. */
function verifyInInput(
  job: IngestJob,
  batch: Batch,
  dirty: DirtyDirectories,
  goOn: (job: IngestJob) => GoOn,
  entry: Entry,
  stat: Stat,
  sealedSidecar?: SidecarRead,
): Step {
  // Taken before the sidecar is read: one that comes in between is then a change, which the producer tells.
  const seen = { identity: candidateIdentity(batch, stat, entry), bytes: stat.size };
  const sidecar = sealedSidecar ?? sidecarInInput(job, batch);
  const rule = sealedSidecar
    ? { complete: true as const }
    : completion(batch.feed, job.facts.seen!, stat, sidecar.seen, batch.now());
  if (!rule.complete) {
    const facts = rule.seen ? { ...job.facts, seen: rule.seen, refusals: 0 } : job.facts;
    const unreadable = rule.why === 'sidecar_unreadable' && notRead(job, batch, sidecar, facts, seen);
    const step = unreadable || defer(rule.inMs, rule.why, facts, seen);
    return rule.why === PARTIAL ? { ...step, told: () => partialUpload(job, batch, rule.inMs) } : step;
  }
  const tooLarge = sizeRule(job, batch, stat);
  return tooLarge ?? seal(job, batch, dirty, entry, stat, sealedSidecar ? undefined : sidecar, sidecar, goOn(job));
}

/** Logs once why a file waits for longer than its window. */
function partialUpload({ id, path, claim }: IngestJob, { feed, emit }: Batch, inMs: number): void {
  if (claim.reason !== PARTIAL) emit(PARTIAL, { feed: feed.name, job: id, path, seconds: inMs / 1_000 });
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
      { bytes: stat.size },
    );
  if (stat.size < minBytes)
    return hold(
      'too_small',
      `the file has ${stat.size} bytes and --min-bytes is ${minBytes}: lower it and run ingest-ctl retry, or remove the file`,
      job.facts,
      { bytes: stat.size },
    );
  return undefined;
}

const nameTooLong = (job: IngestJob): Step =>
  hold(
    'name_too_long',
    `its path has ${job.path.length} bytes, which no name in the work directory can hold: move it to a shorter path`,
    job.facts,
  );

/** Undefined where a directory of its path has gone or was swapped for a symlink. */
const inputEntry = (job: IngestJob, batch: Batch): Entry | undefined =>
  batch.files.entryOrNone(batch.files.input, job.path);

function sidecarInInput(job: IngestJob, batch: Batch): SidecarRead {
  if (batch.feed.mode !== 'sidecar') return NO_SIDECAR;
  const entry = batch.files.entryOrNone(batch.files.input, (job.path + batch.feed.sidecarSuffix) as ByteName);
  return readSidecar(entry, batch.files.kinds);
}
