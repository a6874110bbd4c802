/**
 * move: brings a content's file to its reserved target in the warehouse and records it as stored.
 * Guarantees: target and directories are on disk before *stored* is committed, and the source is removed after that. Nothing is
 * overwritten. Outputs come first: where the file is at its target, all of its outputs are at theirs, also after a power cut. If the
 * source is gone after an earlier try, a consumer has taken the file before our commit.
 */
import type { Tx } from '../../../queue/backend.js';
import { DirtyDirectories } from '../../files/dirty.js';
import { folderOf, UNDERPROCESS } from '../../files/job-paths.js';
import { errnoOf, PlaceError, SERVER_GONE } from '../../files/place-error.js';
import { type ByteName, LinuxError, nameOfBytes, shownName, unlinkAt } from '../../linux/index.js';
import { canBeRenamed } from '../calls/move.js';
import type { MoveAnswer, OutputSource, PutAnswer, Source, ToMove, ToPut } from '../calls/order.js';
import { madeOf, type Output, outputName, type Processed, processedOf } from '../chains/recorded-outputs.js';
import { deliveredAs } from '../evidence/delivered.js';
import { statEntry } from '../files/feed-files.js';
import { type Content, hasEnded } from '../ledger/content.js';
import { hasLeft } from '../ledger/names.js';
import { isRecorded, lookAgain, owePublications } from '../ledger/publications.js';
import { type Delivered, recordStored } from '../ledger/stored.js';
import { giveBack } from '../publishing/keep-local.js';
import { payloadOf } from '../rules/facts.js';
import { type Put, TEMPORARY } from '../warehouse/target.js';
import { askOne, eachJob, judgeEach, partOf, sealedMissing } from './each-job.js';
import { targetRefused } from './find-targets.js';
import {
  type Batch,
  type Contents,
  durably,
  hold,
  type IngestJob,
  interruptedIs,
  orderOf,
  type Stage,
  tell,
  type Verdict,
  type Verdicts,
} from './stage.js';

export const move: Stage = {
  name: 'move',
  places: ['work', 'warehouse'],
  ofContent: true,
  byBytes: true,

  run: moveAll,
};

async function moveAll(jobs: readonly IngestJob[], batch: Batch, contents: Contents): Promise<Verdicts> {
  const dirty = new DirtyDirectories();
  const verdicts = new Map<IngestJob, Verdict | PlaceError>();
  const open: OneMove[] = [];
  for (const job of jobs) {
    const content = contents.get(job)!;
    const verdict = withoutMove(job, batch, content);
    if (verdict) verdicts.set(job, verdict);
    else open.push({ job, batch, dirty, content, target: nameOfBytes(content.target!) });
  }
  const moved = new Set<IngestJob>();
  for (const [job, verdict] of await outputsFirst(open, batch, moved, moveOpen)) verdicts.set(job, verdict);
  const files = open.filter(({ job }) => !verdicts.has(job));
  const handled = await moveOpen(files, batch, moved);
  for (const [i, { job }] of files.entries()) verdicts.set(job, handled[i]!);
  // The target and the directories are synced before the commit of "stored".
  const all = jobs.map((job) => verdicts.get(job)!);
  const durable = await durably(move.name, batch, all, dirty);
  // Nobody knows where the file is, or it is at its target and not recorded.
  const isInDoubt = (job: IngestJob, verdict: Verdict): boolean =>
    verdict.unanswered === true || (moved.has(job) && !('stored' in verdict));
  return {
    verdicts: durable.map((verdict, i) => (isInDoubt(jobs[i]!, verdict) ? interruptedIs(true, verdict) : verdict)),
    also: (tx, settled) => recordAll(tx, batch, jobs, durable, settled),
  };
}

/** Renames all files in one order, and handles the others one by one. `moved` gets the jobs whose file is, or may be, at its target. */
async function moveOpen(
  open: readonly OneMove[],
  batch: Batch,
  moved: Set<IngestJob>,
): Promise<(Verdict | PlaceError)[]> {
  const ones = new Map(open.map((one) => [one.job, one]));
  const jobs = [...ones.keys()];
  const answers = await batch.calls.run(orderOf(batch, 'move', open.map(toMove)));
  const left = new Map<IngestJob, Exclude<MoveAnswer['kind'], 'renamed' | 'changed'>>();
  const judge = (job: IngestJob, { kind }: MoveAnswer): Verdict | undefined => {
    if (kind === 'changed') return changedIn(ones.get(job)!);
    if (kind === 'renamed') {
      moved.add(job);
      return afterPut(ones.get(job)!, kind);
    }
    left.set(job, kind);
    return undefined;
  };
  const refused = (job: IngestJob, error: unknown) => targetRefused(job, batch, ones.get(job)!.target, error);
  const judged = judgeEach(jobs, answers, batch, judge, (job, error) => {
    if (mayBeDone(error)) moved.add(job);
    return refused(job, error);
  });
  const putOne = async (job: IngestJob, came: ToPut['came']): Promise<PutAnswer['kind']> =>
    (await askOne(batch, 'put', toPut(ones.get(job)!, came), job)).kind;
  const act = async (job: IngestJob): Promise<Verdict> => {
    const came = left.get(job)!;
    const put = came === 'no_source' ? came : await putOne(job, came);
    if (put === 'no_source') return withoutSource(ones.get(job)!);
    // The file stays at its target, even if an error follows.
    if (put === 'copied' || put === 'there') moved.add(job);
    return afterPut(ones.get(job)!, put);
  };
  // Nothing more is begun for a job of which an output hangs or fails: the call may come back at any time.
  const stopped = new Map<string, Promise<Verdict>>();
  const byBytes = async (job: IngestJob): Promise<Verdict> => {
    const doing =
      stopped.get(job.id) ??
      act(job).catch((error: unknown) => {
        const verdict = refused(job, error);
        if (verdict === undefined) throw error;
        return verdict;
      });
    stopped.set(job.id, doing);
    const verdict = await doing;
    if (isInPlace(verdict)) stopped.delete(job.id);
    return verdict;
  };
  const rest = (await eachJob([...left.keys()], batch, byBytes, false)).values();
  return judged.map((verdict) => verdict ?? rest.next().value!);
}

/** *Stored* is counted here, where the ledger says it; stages after this one may take their time. */
function recordAll(
  tx: Tx,
  { feed, backend }: Batch,
  jobs: readonly IngestJob[],
  verdicts: readonly Verdict[],
  settled: ReadonlyMap<string, unknown>,
): void {
  const rows: { [State in Delivered]: number[] } = { stored: [], unconfirmed: [] };
  let [files, bytes] = [0, 0];
  jobs.forEach((job, i) => {
    const verdict = verdicts[i]!;
    if (!('stored' in verdict) || !settled.has(job.id)) return;
    const { content, state } = (verdict as Stored).stored;
    rows[state].push(content.row);
    if (hasEnded(content)) return;
    files++;
    bytes += content.size;
  });
  for (const state of ['stored', 'unconfirmed'] as const)
    if (rows[state].length > 0) recordStored(tx, rows[state], state);
  if (files > 0) tx.count(feed.name, move.name, 'stored', files, bytes);
  // An unconfirmed one is counted there as not published.
  const ended = [...rows.stored, ...rows.unconfirmed];
  if (ended.length === 0) return;
  // By options of before, a key would be one of another address.
  if (feed.publish !== undefined && isRecorded(backend, feed)) owePublications(tx, feed, ended);
  else lookAgain(tx, feed.name, ended);
}

type MoveOpen = (open: readonly OneMove[], batch: Batch, moved: Set<IngestJob>) => Promise<(Verdict | PlaceError)[]>;

/**
 * Returns the result for each job whose outputs are not all at their targets. `moved` gets the jobs of which at least one output was
 * moved. A file is marked where an output of it was copied.
 */
async function outputsFirst(
  files: readonly OneMove[],
  batch: Batch,
  moved: Set<IngestJob>,
  moveOpen: MoveOpen,
): Promise<Map<IngestJob, Verdict | PlaceError>> {
  const failed = new Map<IngestJob, Verdict | PlaceError>();
  const made = files.filter(({ job }) => job.facts.processed);
  if (made.length === 0) return failed;
  const processed = batch.backend.read((reader) => made.map(({ content }) => processedOf(reader, content.row)!));
  const owners = new Map(made.flatMap((one, i) => outputsOf(one, processed[i]!).map((output) => [output, one])));
  const outputs = [...owners.keys()];
  const movedOutputs = new Set<IngestJob>();
  const handled = await moveOpen(outputs, batch, movedOutputs);
  for (const [i, output] of outputs.entries()) {
    const owner = owners.get(output)!;
    const verdict = handled[i]!;
    if (movedOutputs.has(output.job)) moved.add(owner.job);
    if (verdict === COPIED) owner.hasCopied = true;
    // The one that hangs says when the job may be settled.
    if (!isInPlace(verdict) && (!failed.has(owner.job) || 'hangs' in verdict)) failed.set(owner.job, verdict);
  }
  try {
    await made[0]!.dirty.sync();
  } catch (error) {
    if (!(error instanceof PlaceError)) throw error;
    for (const { job } of made) failed.set(job, error);
  }
  return failed;
}

/** The outputs as moves. Each has a copy of its job, because a verdict belongs to one file of one job. */
const outputsOf = (one: OneMove, { outputs, claimNo }: Processed): OneMove[] =>
  outputs.map((output) => ({
    ...one,
    job: { ...one.job },
    target: nameOfBytes(output.target!),
    output: { ...output, claimNo },
  }));

/** A verdict for a content that is at its target: the ledger records that in the transaction that settles the job. */
interface Stored extends Verdict {
  stored: { content: Content; state: Delivered };
}

/** A job of a batch, and the file to move for it: its own file, or an output. */
interface OneMove {
  job: IngestJob;
  content: Content;
  output?: Output & { claimNo: number };
  target: ByteName;
  batch: Batch;
  dirty: DirtyDirectories;
  /** True for a file with an output that is at its target by a copy, so that its first name has to be removed. */
  hasCopied?: boolean;
}

const toMove = ({ job, target, output }: OneMove): ToMove => ({
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
  // A rebuild leaves its content to a job whose file it could not read, sealed or not.
  identity: job.facts.sealed?.identity ?? '',
});

/** The verdict where nothing is to be moved: the content has no line yet, or is stored already. */
function withoutMove(job: IngestJob, batch: Batch, content: Content): Verdict | undefined {
  if (content.target === null) return { outcome: { kind: 'back', to: 'manifest' } };
  if (!hasEnded(content)) return undefined;
  return stored(job, batch, content, content.state === 'unconfirmed' ? 'unconfirmed' : 'stored');
}

/** `came`: the result of the rename. */
const toPut = (one: OneMove, came: ToPut['came']): ToPut => ({
  ...toMove(one),
  came,
  sha256: sha256Of(one),
  claimNo: one.job.claim.claimNo,
});

function afterPut(one: OneMove, put: Put): Verdict {
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
  dirty.add(batch.files.work(job.inside), folderOf(batch.files.workPath(job, partOf(job))));
  return partOf(job) === 'copy' ? stored(job, batch, content, 'stored') : storedWhole(one);
}

/** A server may have done it, although its answer was lost. A second try of the same call finds no file (ENOENT). */
const LOST: ReadonlySet<string | undefined> = new Set([...SERVER_GONE, 'EIO', 'EINTR']);
const TAKES_AWAY = new Set(['renameat2', 'unlinkat']);
const mayBeDone = (error: unknown): boolean =>
  LOST.has(errnoOf(error)) || (error instanceof LinuxError && error.code === 'ENOENT' && TAKES_AWAY.has(error.call));

/** The verdict where the source is gone: it was moved before a crash, and a consumer may have taken it since. */
async function withoutSource(one: OneMove): Promise<Verdict> {
  const { job, content, output, target, batch, dirty } = one;
  // In a state that was put back, it may have been stored and published since.
  giveBack(batch.files, { target, n: output?.n ?? 0 }, content);
  const { kind: lies } = await askOne(batch, 'compare', { target, sha256: sha256Of(one) }, job);
  // The file comes last, and consumers wait for it: until it is renamed, nobody has taken an output.
  if (output && lies !== 'same' && (await isHere(one))) return outputMissing(one);
  const mayHaveLeft = job.claim.interrupted && (output !== undefined || canBeRenamed(batch.files, job, target));
  const delivered = deliveredAs(PATH[lies], mayHaveLeft);
  if (delivered === undefined) return output ? outputMissing(one) : sealedMissing(job, batch);
  // The rename may be from before a crash, and not synced yet.
  if (delivered === 'stored') dirty.add(batch.files.warehouse, folderOf(target));
  return output ? IN_PLACE : stored(job, batch, content, delivered);
}

/** The file is here, and was not brought to the target that it has now. */
async function isHere({ job, batch, content, output }: OneMove): Promise<boolean> {
  const target = nameOfBytes(content.target!);
  if (!statEntry(batch.files.workEntry(job, partOf(job)))) return false;
  // The names of outputs that have left are forgotten where an empty warehouse replaced theirs.
  if (batch.backend.read((reader) => hasLeft(reader, { row: content.row, n: output!.n }))) return true;
  if (!canBeRenamed(batch.files, job, target)) return false;
  const own = { target, sha256: content.sha256.toString('hex') };
  return (await askOne(batch, 'compare', own, job)).kind !== 'same';
}

const PATH = { nothing: 'free', same: 'mine', other: 'foreign' } as const;

/** An output is at its target: nothing more is to be done for it. */
const IN_PLACE: Verdict = { outcome: { kind: 'advance' } };

/** An output is at its target, and also in the temporary directory, until its content is stored. */
const COPIED: Verdict = { outcome: { kind: 'advance' } };

const isInPlace = (verdict: Verdict | PlaceError): boolean => verdict === IN_PLACE || verdict === COPIED;

const changedIn = ({ job, output }: OneMove): Verdict =>
  output
    ? hold(
        'output_changed',
        `output ${output.n} (${output.tag}) was changed after it was recorded, which only this user or root can do`,
        job.facts,
      )
    : changed(job);

const outputMissing = ({ job, batch, output }: OneMove): Verdict =>
  hold(
    'output_missing',
    `output ${output!.n} (${output!.tag}) is neither in ${batch.files.roots.warehouse}/${shownName(TEMPORARY)} nor at its target any more`,
    job.facts,
  );

export const changed = (job: IngestJob): Verdict =>
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
  const verdict = stored(job, batch, content, 'stored');
  return hasCopied ? verdict : { ...verdict, outcome: { kind: 'advance' } };
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

function logStored(job: IngestJob, batch: Batch, content: Content, state: Delivered): void {
  const target = content.target!.toString('utf8');
  if (state === 'unconfirmed') tell(batch, job, 'file_unconfirmed', { target });
  if (hasEnded(content)) return;
  const made = job.facts.processed && batch.backend.read((reader) => madeOf(reader, content.row));
  tell(batch, job, 'file_ingested', {
    warehouse_path: `${batch.feed.warehouse}/${target}`,
    sha256: content.sha256.toString('hex'),
    bytes: content.size,
    seconds: (Date.now() - job.claim.createdAtMs) / 1_000,
    ...(made && { outputs: made.outputs }),
  });
}
