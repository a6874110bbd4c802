/**
 * Handles one file of the move: the result of the rename, and the cases that a rename cannot handle (bytes are compared, or copied
 * to another filesystem).
 * Guarantees: if the source is gone after an earlier try, a consumer has taken the file before our commit.
 */
import type { DirtyDirectories } from '../../files/dirty.js';
import { folderOf, UNDERPROCESS } from '../../files/job-paths.js';
import { type ByteName, shownName, unlinkAt } from '../../linux/index.js';
import type { ToMove, ToPut } from '../calls/order.js';
import type { OutputSource, Source } from '../calls/source.js';
import { deliveredAs } from '../evidence/delivered.js';
import { statEntry } from '../files/feed-files.js';
import { type Content, hasEnded } from '../ledger/content.js';
import type { Delivered } from '../ledger/stored.js';
import { madeOf, type Output, outputName } from '../outputs/recorded.js';
import { payloadOf } from '../rules/facts.js';
import { askOne } from '../steps/each-job.js';
import type { IngestJob } from '../steps/job.js';
import { sealedMissing } from '../steps/missing.js';
import { type Batch, type Handled, hold, type Step } from '../steps/stage.js';
import { type Put, TEMPORARY } from '../warehouse/target.js';

/** A step for a content that is at its target: the ledger records that in the transaction that settles the job. */
export interface Stored extends Step {
  stored: { content: Content; state: Delivered };
}

/** A job of a batch, and the file to move for it: its own file, or an output. */
export interface OneMove {
  job: IngestJob;
  content: Content;
  output?: Output & { claimNo: number };
  target: ByteName;
  batch: Batch;
  dirty: DirtyDirectories;
  /** True for a file with an output that is at its target by a copy, so that its first name has to be removed. */
  hasCopied?: boolean;
}

export const toMove = ({ job, target, output }: OneMove): ToMove => ({
  ...sourceOf(job),
  target,
  ...(output && { output: recordedAs(job, output) }),
});

const recordedAs = ({ id }: IngestJob, { n, claimNo, size, inode }: Output & { claimNo: number }): OutputSource => ({
  n,
  name: outputName(id, n, claimNo),
  size,
  inode,
});

const sha256Of = ({ content, output }: OneMove): string => (output ?? content).sha256.toString('hex');

/** The source of a move, with its identity when it was hashed. */
export const sourceOf = (job: Pick<IngestJob, 'id' | 'path' | 'inside' | 'facts'>): Source => ({
  id: job.id,
  path: job.path,
  inside: job.inside,
  part: partOf(job),
  identity: job.facts.sealed!.identity,
});

const partOf = ({ facts }: Pick<IngestJob, 'facts'>): ToMove['part'] =>
  facts.sealed?.kind === 'copy' ? 'copy' : 'file';

/** The step where nothing is to be moved: the content has no line yet, or is stored already. */
export function withoutMove(job: IngestJob, batch: Batch, content: Content): Step | undefined {
  if (content.target === null) return { outcome: { kind: 'back', to: 'manifest' } };
  if (!hasEnded(content)) return undefined;
  return stored(job, batch, content, content.state === 'unconfirmed' ? 'unconfirmed' : 'stored');
}

/** `came`: the result of the rename. */
export const toPut = (one: OneMove, came: ToPut['came']): ToPut => ({
  ...toMove(one),
  came,
  sha256: sha256Of(one),
  claimNo: one.job.claim.claimNo,
});

export function afterPut(one: OneMove, put: Put): Step {
  const { job, content, output, target, batch, dirty } = one;
  if (put === 'wrong_bytes') return changedIn(one);
  if (put === 'taken') {
    return hold(
      'target_taken',
      `a foreign file lies at ${batch.feed.warehouse}/${shownName(target)}, and nothing is overwritten`,
      job.facts,
    );
  }
  dirty.add(batch.files.warehouse, folderOf(target));
  if (output) {
    if (put !== 'renamed') return COPIED;
    dirty.add(batch.files.warehouse, TEMPORARY);
    return IN_PLACE;
  }
  if (put !== 'renamed') return stored(job, batch, content, 'stored');
  dirty.add(batch.files.work(job.inside), folderOf(batch.files.workPath(job, 'file')));
  return partOf(job) === 'copy' ? stored(job, batch, content, 'stored') : storedWhole(one);
}

/** The step where the source is gone: it was moved before a crash, and a consumer may have taken it since. */
export async function withoutSource(one: OneMove): Promise<Step> {
  const { job, content, output, target, batch, dirty } = one;
  const { kind: lies } = await askOne(batch, 'compare', { target, sha256: sha256Of(one) }, job);
  const delivered = deliveredAs(PATH[lies], job.claim.interrupted);
  if (delivered === undefined) return output ? outputMissing(one) : sealedMissing(job, batch);
  // The rename may be from before a crash, and not synced yet.
  if (delivered === 'stored') dirty.add(batch.files.warehouse, folderOf(target));
  return output ? IN_PLACE : stored(job, batch, content, delivered);
}

const PATH = { nothing: 'free', same: 'mine', other: 'foreign' } as const;

/** An output is at its target: nothing more is to be done for it. */
export const IN_PLACE: Step = { outcome: { kind: 'advance' } };

/** An output is at its target, and also in the temporary directory, until its content is stored. */
export const COPIED: Step = { outcome: { kind: 'advance' } };

export const isInPlace = (step: Handled): boolean => step === IN_PLACE || step === COPIED;

export const changedIn = ({ job, output }: OneMove): Step =>
  output
    ? hold(
        'output_changed',
        `output ${output.n} (${output.tag}) was changed after it was recorded, which only this user or root can do`,
        job.facts,
      )
    : changed(job);

const outputMissing = ({ job, batch, output }: OneMove): Step =>
  hold(
    'output_missing',
    `output ${output!.n} (${output!.tag}) is neither in ${batch.files.roots.warehouse}/${shownName(TEMPORARY)} nor at its target any more`,
    job.facts,
  );

export const changed = (job: IngestJob): Step =>
  hold(
    'changed_after_hash',
    'the sealed file was changed after it was hashed, which only its owner or root can do in the work directory',
    job.facts,
  );

/** The file itself was renamed. Its sidecar is left, which was compared when the file was hashed, and outputs that were copied. */
function storedWhole({ job, batch, content, hasCopied }: OneMove): Stored {
  if (job.facts.sealed?.sidecar) {
    const sidecar = batch.files.workEntry(job, 'sidecar');
    if (sidecar && statEntry(sidecar)) unlinkAt(sidecar.dir, sidecar.name);
  }
  batch.files.work(job.inside).removeEmpty(folderOf(batch.files.workPath(job, 'file')), UNDERPROCESS);
  const step = stored(job, batch, content, 'stored');
  return hasCopied ? step : { ...step, outcome: { kind: 'advance' } };
}

/** The job goes on, to put away the files that are left. */
function stored(job: IngestJob, batch: Batch, content: Content, state: Delivered): Stored {
  const putAway = { kind: 'stored' as const, ...(state === 'unconfirmed' && { note: state }) };
  return {
    outcome: { kind: 'defer', inMs: 0, why: 'stored', payload: payloadOf({ ...job.facts, putAway }) },
    stored: { content, state },
    onSettled: () => logStored(job, batch, content, state),
  };
}

function logStored(job: IngestJob, { backend, feed, emit }: Batch, content: Content, state: Delivered): void {
  const named = { feed: feed.name, job: job.id, path: job.path };
  const target = content.target!.toString('utf8');
  if (state === 'unconfirmed') emit('file_unconfirmed', { ...named, target });
  if (hasEnded(content)) return;
  const made = job.facts.processed && backend.read((reader) => madeOf(reader, content.row));
  emit('file_ingested', {
    ...named,
    warehouse_path: `${feed.warehouse}/${target}`,
    sha256: content.sha256.toString('hex'),
    bytes: content.size,
    seconds: (Date.now() - job.claim.createdAtMs) / 1_000,
    ...(made && { outputs: made.outputs }),
  });
}
