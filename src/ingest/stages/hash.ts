/**
 * hash: reads a sealed file once and asks the ledger whether its content is new.
 * Guarantees: the digest is of bytes that no writer could change while they were read: probe and stat before and after;
 * where a lease cannot tell, of a private copy. The bytes are on disk before the commit that records the hash.
 * Does not: move anything; a duplicate is put away by the next claim of its decided job.
 */
import { closeSync } from 'node:fs';
import { copyTo, removeIfThere } from '../../files/copy.js';
import { type Digest, digestLarge, digestSmall, SMALL_BYTES } from '../../files/digest.js';
import { DirtyDirectories } from '../../files/dirty.js';
import type { Pace } from '../../files/pace.js';
import { inPlaceAsync } from '../../files/place-error.js';
import { folderOf } from '../../files/places.js';
import { type Probe, probeFd } from '../../files/probe.js';
import { renameNoReplace } from '../../linux/index.js';
import { statEntry } from '../files/feed-files.js';
import { askLedger } from '../ledger/ask.js';
import type { JobFacts, Sealed } from '../rules/facts.js';
import { identityOf } from '../rules/identity.js';
import { sameBytes } from '../rules/verified.js';
import { eachJob } from './each-job.js';
import { type Hashed, syncHashed } from './hash-sync.js';
import type { IngestJob } from './job.js';
import { limits } from './limits.js';
import type { GoOn } from './seal.js';
import { again, asSealed, windowInside } from './sealed-window.js';
import { type Batch, durably, hold, openIn, retry, type Stage, type Step } from './stage.js';
import { readAgain } from './unread.js';

export const hash: Stage = {
  name: 'hash',
  places: ['work'],
  byBytes: true,

  async run(jobs, batch) {
    const dirty = new DirtyDirectories();
    const one = (job: IngestJob) => hashOne(job, batch, dirty);
    const { pace } = batch;
    const handled = await eachJob(jobs, batch, pace ? (job) => readsWhole(job, pace).then(() => one(job)) : one);
    const durable = await durably(this.name, batch, handled, () => dirty.sync());
    return syncHashed(jobs, durable, batch);
  },
};

/** Small files are read in one go; large ones, and copies, take their turn with each chunk. */
const readsWhole = async ({ claim: { bytes }, facts }: IngestJob, pace: Pace): Promise<void> =>
  bytes <= SMALL_BYTES && facts.sealed?.kind !== 'copy' ? pace.take(bytes) : undefined;

function hashOne(job: IngestJob, batch: Batch, dirty: DirtyDirectories): Step | Promise<Step> {
  const entry = batch.files.workEntry(job, 'file');
  const stat = statEntry(entry);
  if (!entry || !stat) return missing(job, batch);
  if (job.facts.unread) return readAgain(job, batch);
  const sealed = job.facts.sealed ?? { identity: identityOf(stat), kind: 'lease' as const };
  const ready = windowInside(job, batch, sealed, stat);
  if ('outcome' in ready) return ready;

  const opened = openIn('work', batch, entry);
  if (opened.fd === undefined) {
    if (opened.code === 'EAGAIN') return again(job, batch, sealed, stat, 'writer_open');
    return retry(opened.code.toLowerCase(), `the sealed file cannot be opened (${opened.code})`);
  }
  return closing(opened.fd, () =>
    hashOpened(job, batch, dirty, ready, opened.fd, probeFd(opened.fd, batch.files.kinds)),
  );
}

/**
 * For files that were sealed just now, on the descriptor that they were sealed by. The probe that followed the rename
 * is the one before the reading.
 */
export function hashOnTheWay(batch: Batch): (job: IngestJob) => GoOn {
  let bytesLeft = limits.onTheWayBytes;
  return (job) => (passed, fd, before) => {
    const { sealed } = passed.facts;
    const { size } = before.stat;
    if (sealed?.window || sealed?.kind !== 'lease' || size > SMALL_BYTES || size > bytesLeft) return passed;
    bytesLeft -= size;
    const at = { ...job, facts: passed.facts };
    return { ...(hashSmall(at, batch, sealed, fd, before) as Step), passed };
  };
}

/** Closes the descriptor when `act` has ended, however it ends. */
function closing<T>(fd: number, act: () => T | Promise<T>): T | Promise<T> {
  let answer: T | Promise<T> | undefined;
  try {
    answer = act();
  } finally {
    if (!(answer instanceof Promise)) closeSync(fd);
  }
  return answer instanceof Promise ? answer.finally(() => closeSync(fd)) : answer;
}

function hashOpened(
  job: IngestJob,
  batch: Batch,
  dirty: DirtyDirectories,
  ready: Sealed,
  fd: number,
  before: Probe,
): Step | Promise<Step> {
  const refused = asSealed(job, batch, ready, before);
  if (refused) return refused;
  if (job.facts.sha256 !== undefined) {
    // Hashed before it had to wait for its twin, and nobody could write it since.
    const facts: JobFacts = { ...job.facts, sealed: ready };
    return { outcome: (tx, claimed) => askLedger(tx, claimed, facts, batch.feed.sameContentAgainAfterMs) };
  }
  if (ready.kind === 'lease' && before.stat.size <= SMALL_BYTES) return hashSmall(job, batch, ready, fd, before);
  return hashLarge(job, batch, dirty, ready, fd, before);
}

const hashSmall = (job: IngestJob, batch: Batch, sealed: Sealed, fd: number, before: Probe): Step =>
  asSealed(job, batch, sealed, before) ??
  decide(job, batch, sealed, before, digestSmall(fd, before.stat.size), probeFd(fd, batch.files.kinds));

async function hashLarge(
  job: IngestJob,
  batch: Batch,
  dirty: DirtyDirectories,
  sealed: Sealed,
  fd: number,
  before: Probe,
): Promise<Step> {
  if (sealed.kind === 'copy') return privateCopy(job, batch, dirty, sealed, fd, before);
  const digest = await digestLarge(fd, batch.pace && ((chunk) => batch.pace!.take(chunk.length)));
  return decide(job, batch, sealed, before, digest, probeFd(fd, batch.files.kinds));
}

/** Copies while hashing; what is stored is the copy, which no uploader ever had a descriptor of. */
async function privateCopy(
  job: IngestJob,
  batch: Batch,
  dirty: DirtyDirectories,
  sealed: Sealed,
  fd: number,
  before: Probe,
): Promise<Step> {
  const partial = batch.files.makeWorkEntry(job, 'partial');
  const place = batch.files.roots.work;
  const digest = await inPlaceAsync('work', place, 'write', () =>
    copyTo(fd, before.stat, partial, { pace: batch.pace }),
  ).catch((error) => {
    // On a full disk it would keep the very room that is waited for.
    removeIfThere(partial.dir, partial.name);
    throw error;
  });
  const step = decide(job, batch, { ...sealed, copied: true }, before, digest, probeFd(fd, batch.files.kinds));
  if (!('hashed' in step)) {
    removeIfThere(partial.dir, partial.name);
    return step;
  }
  const copy = batch.files.makeWorkEntry(job, 'copy');
  removeIfThere(copy.dir, copy.name);
  renameNoReplace(partial.dir, partial.name, copy.dir, copy.name);
  dirty.add(batch.files.work(job.inside), folderOf(batch.files.workPath(job, 'copy')));
  return step;
}

function decide(
  job: IngestJob,
  batch: Batch,
  sealed: Sealed,
  before: Probe,
  digest: Digest,
  after: Probe,
): Step | Hashed {
  // A store through a mapping changes neither mtime nor ctime: only the second probe sees its writer.
  if (after.writer === 'writer') return again(job, batch, sealed, after.stat, 'writer_open');
  if (!sameBytes(identityOf(before.stat), after.stat) || digest.bytes !== before.stat.size) {
    return again(job, batch, sealed, after.stat, 'changed');
  }
  if (after.writer === 'unknown' && sealed.kind === 'lease') {
    return again(job, batch, { ...sealed, kind: 'copy', because: after.because }, after.stat, 'private_copy');
  }
  const sha256 = digest.sha256.toString('hex');
  return hashedStep({ ...job.facts, sealed: { ...sealed, identity: identityOf(after.stat) } }, sha256, batch);
}

/** `given` has the file as it was sealed. */
export function hashedStep(given: JobFacts, sha256: string, { feed }: Pick<Batch, 'feed'>): Step | Hashed {
  const { demanded } = given;
  if (demanded !== undefined && demanded !== sha256) {
    return hold(
      'checksum_mismatch',
      `its SHA-256 is ${sha256}, but its sidecar demands ${demanded}: send the file again and ingest-ctl discard this one`,
      { ...given, sha256: undefined },
    );
  }
  const { refusals: _, noRoom: __, ...rest } = given;
  const facts = { ...rest, sha256 };
  return { outcome: (tx, claimed) => askLedger(tx, claimed, facts, feed.sameContentAgainAfterMs), hashed: facts };
}

/** The sealed file is in none of its places: never dropped, a person has to look. */
function missing(job: IngestJob, batch: Batch): Step {
  return hold(
    'sealed_file_missing',
    `the sealed file of job ${job.id} is not in ${batch.files.roots.work}/underprocess any more: put it back and ingest-ctl retry, or ingest-ctl discard`,
    job.facts,
  );
}
