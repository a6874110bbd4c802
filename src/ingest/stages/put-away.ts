/**
 * Finishes jobs whose end is decided (stored, duplicate, discarded, withdrawn), in any stage: a line that must be taken back is
 * corrected first, then the job's files are put away. The leftovers of a stored job are removed, a duplicate goes to `duplicates/` (or
 * is deleted), a discarded file to `failed/`. The decision is in the row before this begins, and doing it twice is safe.
 * Does not: take a file out of the warehouse (take-out.ts), or remove an original that changed after it was copied.
 */

import { PUBLISH } from '../../base/config/values/stage-names.js';
import { typed } from '../../base/shell.js';
import { BucketError } from '../../bucket/errors.js';
import type { Entry } from '../../files/directories.js';
import { DirtyDirectories } from '../../files/dirty.js';
import { DUPLICATES, FAILED, folderOf, type Part, UNDERPROCESS } from '../../files/job-paths.js';
import { mountOf } from '../../files/mounts.js';
import { moveOwnToFree } from '../../files/moves.js';
import { inPlace } from '../../files/place-error.js';
import { type ByteName, LinuxError, type Stat, unlinkAt } from '../../linux/index.js';
import { candidateOf } from '../calls/candidate.js';
import { statEntry } from '../files/feed-files.js';
import { sidecarOf } from '../files/sidecar.js';
import { bringOn, take } from '../files/take.js';
import { isShut } from '../health/episode.js';
import { contentByHash, contentByRow, shownPlace } from '../ledger/content.js';
import { ownPublication } from '../ledger/publications.js';
import type { Written } from '../manifest/write.js';
import { writeCorrections } from '../manifest/write.js';
import { ownObject } from '../publishing/object.js';
import { type JobFacts, type Observation, type PutAway, payloadOf } from '../rules/facts.js';
import { identityOf } from '../rules/identity.js';
import { sameBytes, sidecarIdentity } from '../rules/verified.js';
import { askOne, eachJob } from './each-job.js';
import { manifestBusy } from './manifest.js';
import { type Batch, defer, durably, hold, type IngestJob, tell, type Verdict, withoutBucket } from './stage.js';
import { forgettingOutputs, removeUnmoved, takeOut, takeOutputs } from './take-out.js';
import { unpublish } from './unpublish.js';

export async function finishDecided(stage: string, jobs: readonly IngestJob[], batch: Batch): Promise<Verdict[]> {
  const toCorrect = correctionsOf(jobs, batch);
  const came = new Map<string, Written>();
  const { backend, emit, feed, files } = batch;
  const manifests = { backend, emit, feed: feed.name, manifests: feed.manifests, root: files.manifests };
  for (const hour of new Set(toCorrect.values())) {
    const ids = [...toCorrect].flatMap(([id, its]) => (its === hour ? [id] : []));
    came.set(hour, await writeCorrections(manifests, hour, ids));
  }
  const left = correctionsOf(jobs, batch);
  const dirty = new DirtyDirectories();
  const isInBucketOnly = askingTheBucket(batch);
  const handled = await eachJob(jobs, batch, async (job) => {
    const hour = left.get(job.id);
    if (hour !== undefined) return manifestBusy(job, came.get(hour) === 'leased' ? 'leased' : 'busy');
    const decided = job.facts.putAway!;
    switch (decided.kind) {
      case 'stored':
        return withoutBucket(removeStored(job, batch, dirty), batch, job);
      case 'duplicate':
        return archiveDuplicate(
          job,
          batch,
          dirty,
          decided,
          feed.onDuplicate === 'delete' && ((await isInBucketOnly(job)) || (await isInWarehouse(job, batch, decided))),
        );
      case 'discarded':
        return withoutBucket(await discard(job, batch, dirty), batch, job);
      case 'withdrawn':
        return stage === PUBLISH ? unpublish(job, batch) : withoutBucket(await takeOut(job, batch), batch, job);
    }
  });
  return durably(stage, batch, handled, dirty);
}

/**
 * The outputs of a content that was given up are taken out before the file: a file in failed/ has nothing left in the warehouse. A
 * content that still has a row is stored, or a twin's: it keeps them.
 */
async function discard(job: IngestJob, batch: Batch, dirty: DirtyDirectories): Promise<Verdict> {
  const { content } = job.facts;
  const known = batch.backend.read((reader) => contentByRow(reader, content ?? -1));
  if (content !== undefined && !known) await takeOutputs(job, batch, content);
  else if (job.facts.processed) removeUnmoved(job, batch);
  const verdict = fileToFailed(job, batch, dirty);
  const isStored = known?.carrier === job.id && known.state === 'stored';
  return isStored && batch.feed.publish !== undefined
    ? withPublication(verdict, job)
    : forgettingOutputs(verdict, content);
}

/** Its content is stored: only what was written to the file afterwards is given up. */
const withPublication = (verdict: Verdict, { facts }: IngestJob): Verdict =>
  typeof verdict.outcome === 'object' && verdict.outcome.kind === 'finish'
    ? { ...verdict, outcome: { kind: 'advance', payload: payloadOf({ ...facts, putAway: undefined }) } }
    : verdict;

/** By job: the hour in whose corrections.jsonl its line must be taken back. */
function correctionsOf(jobs: readonly IngestJob[], batch: Batch): Map<string, string> {
  const takenBack = jobs.filter(
    ({ facts: { putAway } }) => putAway!.kind === 'discarded' || putAway!.kind === 'withdrawn',
  );
  return batch.backend.read((reader) => {
    const hours = new Map<string, string>();
    for (const job of takenBack) {
      const row = reader.get<{ hour: string }>('SELECT hour FROM corrections WHERE job = ?', job.id);
      if (row) hours.set(job.id, row.hour);
    }
    return hours;
  });
}

function removeStored(job: IngestJob, batch: Batch, dirty: DirtyDirectories): Verdict {
  const left = statEntry(batch.files.workEntry(job, 'file'));
  // A rebuild could not read the file of a job that was not sealed in the older state.
  if (left && !sameBytes(job.facts.sealed?.identity ?? '', left)) {
    return hold('changed_after_copy', 'its content was stored, but the original was written to afterwards', job.facts);
  }
  for (const part of ['file', 'sidecar', 'partial', 'copy'] as const) remove(job, batch, dirty, part);
  if (job.facts.processed) removeUnmoved(job, batch);
  return { outcome: { kind: 'advance', payload: payloadOf({ ...job.facts, putAway: undefined }) } };
}

/** `originalThere`: asked before, because nothing may happen between the check of the file and its removal. */
function archiveDuplicate(
  job: IngestJob,
  batch: Batch,
  dirty: DirtyDirectories,
  decided: PutAway,
  originalThere: boolean,
): Verdict {
  const left = statEntry(batch.files.workEntry(job, 'file'));
  if (left && !sameBytes(job.facts.sealed!.identity, left)) return writtenSince(job);
  const deleting = batch.feed.onDuplicate === 'delete';
  const of = (decided.of ?? '') as ByteName;
  const note = decided.note ?? (deleting && !originalThere ? 'original_missing' : undefined);
  for (const part of ['partial', 'copy'] as const) remove(job, batch, dirty, part);
  // It was processed before the shared ledger was restored, which gave its content to another host.
  if (job.facts.processed) removeUnmoved(job, batch);
  for (const part of ['sidecar', 'file'] as const) {
    if (originalThere) remove(job, batch, dirty, part);
    else move(job, batch, dirty, part, DUPLICATES);
  }
  return {
    outcome: { kind: 'finish', ending: 'duplicate' },
    onSettled: () =>
      tell(batch, job, 'file_skipped_duplicate', {
        sha256: job.facts.sha256,
        bytes: job.claim.bytes,
        duplicate_of: shownPlace(batch.feed.warehouse, of),
        kept: !originalThere,
        ...(note !== undefined && { note }),
        ...(note === 'elsewhere' && { host: of.slice(0, of.indexOf(':')) }),
        ...(note === 'withdrawn' && { release: allowsAgain(job.facts.sha256!) }),
      }),
  };
}

/**
 * The copy is deleted only while a file with its bytes lies at the target: if a consumer took that away, or another file has its name in a
 * warehouse that was replaced, this copy may be the last one. A content that was learned, or whose record was pruned, cannot be
 * checked here; one that was withdrawn is gone.
 */
async function isInWarehouse(job: IngestJob, batch: Batch, { of = '', note }: PutAway): Promise<boolean> {
  if (note === 'withdrawn' || of === '' || of.startsWith('/')) return false;
  const target = of as ByteName;
  const { files } = batch;
  // Nothing is read where the size says it.
  if (statEntry(files.entryOrNone(files.warehouse, target))?.size !== job.claim.bytes) return false;
  return (await askOne(batch, 'compare', { target, sha256: job.facts.sha256! }, job)).kind === 'same';
}

/**
 * True: the stored file was removed here after it was published, and the store still has it. The rest of the batch waits for the answer,
 * so a store that fails is not asked again.
 */
function askingTheBucket({ backend, feed, bucket }: Batch): (job: IngestJob) => Promise<boolean> {
  let isAway = feed.publish === undefined || isShut(backend, feed.name, 'bucket');
  return async ({ facts }) => {
    const client = isAway ? undefined : bucket()?.bucket;
    const sha256 = Buffer.from(facts.sha256!, 'hex');
    const content = client && backend.read((reader) => contentByHash(reader, feed.name, sha256));
    const own = content && backend.read((reader) => ownPublication(reader, content.row));
    if (content?.state !== 'stored' || own?.isLocal !== 0) return false;
    try {
      return (await ownObject(client!, content, own)) !== undefined;
    } catch (error) {
      if (!(error instanceof BucketError)) throw error;
      isAway = true;
      return false;
    }
  };
}

/** The way out for a content that an operator withdrew. */
const allowsAgain = (sha256: string): string =>
  `to ingest it again, run ${typed('ingest-ctl allow-again', sha256, '--reason', 'WHY')}, then deliver it once more`;

/** Its uploader wrote to it through a descriptor from before the seal, so the decision was about other bytes. */
const writtenSince = ({ facts }: IngestJob): Verdict => ({
  outcome: {
    kind: 'back',
    to: 'hash',
    payload: payloadOf({ ...facts, putAway: undefined, content: undefined, sha256: undefined }),
  },
});

/** The file of a job that was never sealed is still in the input. It is taken only if it is the version that was held. */
function fileToFailed(job: IngestJob, batch: Batch, dirty: DirtyDirectories): Verdict {
  if (!batch.files.canHold(job)) return nameTooLong(job, batch);
  // A claim that died may have left its file there, or a sidecar that it took for a sealed one.
  bringOn(batch.files, job);
  const { sealed, seen, content } = job.facts;
  // An older build gave a file that was found without its job both; a rebuild leaves one that it could not read its content.
  const other = !sealed && content === undefined && seen && discardFromInput(job, batch, dirty, seen);
  if (other) return other;
  for (const part of ['partial', 'copy'] as const) remove(job, batch, dirty, part);
  for (const part of ['sidecar', 'file'] as const) move(job, batch, dirty, part, FAILED);
  return discarded(job, batch);
}

const discarded = (job: IngestJob, batch: Batch): Verdict => ({
  outcome: { kind: 'finish', ending: 'discarded' },
  onSettled: () => tell(batch, job, 'file_discarded', { bytes: job.claim.bytes }),
});

/** Such a file was never sealed: once it is not in the input, nothing is left to move. */
function nameTooLong(job: IngestJob, batch: Batch): Verdict {
  const { files } = batch;
  if (statEntry(files.entryOrNone(files.input, job.path))?.kind !== 'file') return discarded(job, batch);
  return hold(
    'name_too_long',
    'its name is too long for the work directory, so it cannot be moved away: rename or delete the file in the input, then run `ingest-ctl retry`',
    { ...job.facts, putAway: undefined },
  );
}

/**
 * Returns a verdict where the file lies on another mount, whose own work directory must take it; or where another version lies in the
 * input, which nobody discarded: the producer did not offer it, because the job has its path.
 */
function discardFromInput(
  job: IngestJob,
  batch: Batch,
  dirty: DirtyDirectories,
  seen: Observation,
): Verdict | undefined {
  if (statEntry(batch.files.workEntry(job, 'file', FAILED))) return undefined;
  // An earlier claim took it, and died before it could say which version that was.
  if (statEntry(batch.files.workEntry(job, 'file'))) return otherTaken(job, batch, seen);
  const entry = batch.files.entryOrNone(batch.files.input, job.path);
  const stat = statEntry(entry);
  if (!entry || stat?.kind !== 'file') return undefined;
  if (!sameBytes(seen.identity, stat)) return observeAgain(job, batch, entry, stat);
  const taker = { ...job, claimNo: job.claim.claimNo };
  const sidecar = sidecarOfHeld(job, batch, entry, stat);
  try {
    // The sidecar first, as the seal does. Left there, it would be taken for that of the next version.
    if (sidecar) take(batch.files, taker, { part: 'sidecar', from: sidecar, place: 'input' });
    take(batch.files, taker, { part: 'file', from: entry, place: 'input' });
  } catch (error) {
    const inside = mountOf(batch.files.input, job.path);
    if (!(error instanceof LinuxError) || error.code !== 'EXDEV' || inside === job.inside) throw error;
    batch.files.makeInnerWork(inside);
    return defer(0, 'other_mount', { ...job.facts, inside });
  }
  dirty.add(batch.files.input, folderOf(job.path));
  return otherTaken(job, batch, seen);
}

/** Another version was renamed over it before the take. Nobody discarded that one, so it goes on from here. */
function otherTaken(job: IngestJob, batch: Batch, seen: Observation): Verdict | undefined {
  const taken = statEntry(batch.files.workEntry(job, 'file'));
  return taken && !sameBytes(seen.identity, taken)
    ? defer(0, 'another_version', seenNow(job, batch, taken))
    : undefined;
}

/** The sidecar in the input, where it is the one that its held file was seen with. Any other is of a version to come. */
function sidecarOfHeld(job: IngestJob, { feed, files }: Batch, entry: Entry, stat: Stat): Entry | undefined {
  if (feed.mode !== 'sidecar') return undefined;
  const { identity } = candidateOf(feed, stat, entry);
  if (sidecarIdentity(identity) !== sidecarIdentity(job.claim.identity)) return undefined;
  const sidecar = files.entryOrNone(files.input, sidecarOf(job.path, feed));
  return statEntry(sidecar) ? sidecar : undefined;
}

const observeAgain = (job: IngestJob, batch: Batch, entry: Entry, stat: Stat): Verdict =>
  defer(0, 'another_version', seenNow(job, batch, stat), candidateOf(batch.feed, stat, entry));

/** The facts of a version that is seen for the first time. */
const seenNow = (job: IngestJob, batch: Batch, stat: Stat): JobFacts => ({
  seen: { identity: identityOf(stat), sinceMs: batch.now().ms, boot: batch.boot, by: 'scan' },
  ...(job.inside !== '' && { inside: job.inside }),
});

/** Puts a sidecar aside that was sealed for a version that is gone. */
export const putSidecarAside = (job: IngestJob, batch: Batch, dirty: DirtyDirectories): void =>
  move(job, batch, dirty, 'sidecar', FAILED);

/** A work directory that takes no changes is a failing place, and costs no file an attempt. */
function inWork({ inside }: IngestJob, { files }: Batch, act: () => void): void {
  inPlace('work', files.work(inside).place!.path, 'write', act);
}

function remove(job: IngestJob, batch: Batch, dirty: DirtyDirectories, part: Part): void {
  const entry = batch.files.workEntry(job, part);
  if (!entry || !statEntry(entry)) return;
  inWork(job, batch, () => {
    unlinkAt(entry.dir, entry.name);
    leave(job, batch, dirty, part);
  });
}

function move(job: IngestJob, batch: Batch, dirty: DirtyDirectories, part: Part, folder: ByteName): void {
  const from = batch.files.workEntry(job, part);
  if (!from || !statEntry(from)) return;
  inWork(job, batch, () => {
    moveOwnToFree(from, batch.files.makeWorkEntry(job, part, folder));
    dirty.add(batch.files.work(job.inside), folderOf(batch.files.workPath(job, part, folder)));
    leave(job, batch, dirty, part);
  });
}

function leave(job: IngestJob, batch: Batch, dirty: DirtyDirectories, part: Part): void {
  const work = batch.files.work(job.inside);
  const folder = folderOf(batch.files.workPath(job, part));
  work.removeEmpty(folder, UNDERPROCESS);
  dirty.add(work, UNDERPROCESS);
  if (folder !== UNDERPROCESS) dirty.add(work, folder);
}
