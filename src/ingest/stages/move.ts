/**
 * move: brings a content's file to its reserved target in the warehouse and records it as stored.
 * Guarantees: target and directories are on disk before *stored* is committed, and the source is removed after that. Nothing is
 * overwritten.
 */
import type { Around, Outcome, Tx } from '../../../queue/backend.js';
import { DirtyDirectories } from '../../files/dirty.js';
import { nameOfBytes } from '../../linux/index.js';
import type { MoveAnswer, PutAnswer, ToPut } from '../calls/order.js';
import type { Content } from '../ledger/content.js';
import { recordStored } from '../ledger/stored.js';
import { targetRefused } from '../planning/find-targets.js';
import { payloadOf } from '../rules/facts.js';
import { mayHaveMoved, movedNothing } from '../rules/moved.js';
import { contentsOf } from '../steps/contents.js';
import { askOne, eachJob, judgeEach } from '../steps/each-job.js';
import type { IngestJob } from '../steps/job.js';
import { type Batch, durably, type Handled, type Judged, orderOf, type Stage, type Step } from '../steps/stage.js';
import {
  afterPut,
  changedIn,
  type OneMove,
  type Stored,
  toMove,
  toPut,
  withoutMove,
  withoutSource,
} from './move-one.js';
import { outputsFirst } from './move-outputs.js';

export const move: Stage = {
  name: 'move',
  places: ['work', 'warehouse'],
  byBytes: true,

  run: (jobs, batch) => moveAll(jobs, contentsOf(jobs, batch), batch),
};

export async function moveAll(
  jobs: readonly IngestJob[],
  contents: ReadonlyMap<IngestJob, Content | undefined>,
  batch: Batch,
): Promise<Judged> {
  const dirty = new DirtyDirectories();
  const steps = new Map<IngestJob, Handled>();
  const open: OneMove[] = [];
  for (const job of jobs) {
    const content = contents.get(job);
    const step = withoutMove(job, batch, content);
    if (step) steps.set(job, step);
    else open.push({ job, batch, dirty, content: content!, target: nameOfBytes(content!.target!) });
  }
  const moved = new Set<IngestJob>();
  for (const [job, step] of await outputsFirst(open, batch, moved, moveOpen)) steps.set(job, step);
  const files = open.filter(({ job }) => !steps.has(job));
  const handled = await moveOpen(files, batch, moved);
  for (const [i, { job }] of files.entries()) steps.set(job, handled[i]!);
  // The target and the directories are synced before the commit of "stored".
  const all = jobs.map((job) => steps.get(job)!);
  const durable = await durably(move.name, batch, all, () => dirty.sync());
  const around: Around = { after: (tx, settled) => recordAll(tx, jobs, durable, settled) };
  const hasMovedNothing = (job: IngestJob, step: Step): boolean => !moved.has(job) && !step.unanswered;
  return {
    steps: durable.map((step, i) => (hasMovedNothing(jobs[i]!, step) ? notMoved(jobs[i]!, step) : step)),
    around,
  };
}

/** Renames all files in one order, and handles the others one by one. `moved` gets the jobs whose file is at its target. */
async function moveOpen(open: readonly OneMove[], batch: Batch, moved: Set<IngestJob>): Promise<Handled[]> {
  const ones = new Map(open.map((one) => [one.job, one]));
  const jobs = [...ones.keys()];
  const answers = await batch.calls.run(orderOf(batch, 'move', open.map(toMove)));
  const left = new Map<IngestJob, Exclude<MoveAnswer['kind'], 'renamed' | 'changed'>>();
  const judge = (job: IngestJob, { kind }: MoveAnswer): Step | undefined => {
    if (kind === 'changed') return changedIn(ones.get(job)!);
    if (kind === 'renamed') {
      moved.add(job);
      return afterPut(ones.get(job)!, kind);
    }
    left.set(job, kind);
    return undefined;
  };
  const refused = (job: IngestJob, error: unknown) => targetRefused(job, batch, ones.get(job)!.target, error);
  const judged = judgeEach(jobs, answers, batch, judge, refused);
  const putOne = async (job: IngestJob, came: ToPut['came']): Promise<PutAnswer['kind']> =>
    (await askOne(batch, 'put', toPut(ones.get(job)!, came), job)).kind;
  const act = async (job: IngestJob): Promise<Step> => {
    const came = left.get(job)!;
    const put = came === 'no_source' ? came : await putOne(job, came);
    if (put === 'no_source') return withoutSource(ones.get(job)!);
    // The file stays at its target, even if an error follows.
    if (put === 'copied' || put === 'there') moved.add(job);
    return afterPut(ones.get(job)!, put);
  };
  const byBytes = (job: IngestJob): Promise<Step> =>
    act(job).catch((error: unknown) => {
      const step = refused(job, error);
      if (step === undefined) throw error;
      return step;
    });
  const rest = (await eachJob([...left.keys()], batch, byBytes, '')).values();
  return judged.map((step) => step ?? rest.next().value!);
}

function recordAll(tx: Tx, jobs: readonly IngestJob[], steps: readonly Step[], settled: ReadonlySet<string>): void {
  const rows = new Map<string | null, number[]>();
  jobs.forEach((job, i) => {
    const step = steps[i]!;
    if (!('stored' in step) || !settled.has(job.id)) return;
    const { row, note } = (step as Stored).stored;
    if (rows.has(note)) rows.get(note)!.push(row);
    else rows.set(note, [row]);
  });
  for (const [note, all] of rows) recordStored(tx, all, note);
}

/** Notes that this claim moved nothing (a failing warehouse, a missing file), so that the next claim knows it. */
export function notMoved(job: IngestJob, step: Step): Step {
  const { claimNo } = job.claim;
  if (mayHaveMoved(job.facts, claimNo)) return step;
  const noted = (outcome: Outcome): Outcome =>
    outcome.kind === 'finish'
      ? outcome
      : { ...outcome, payload: { ...(outcome.payload ?? payloadOf(job.facts)), ...movedNothing(claimNo) } };
  const { outcome } = step;
  return {
    ...step,
    outcome: typeof outcome === 'function' ? (tx, claimed) => noted(outcome(tx, claimed)) : noted(outcome),
  };
}
