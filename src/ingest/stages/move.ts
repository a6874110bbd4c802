/**
 * move: brings a content's file to its reserved target in the warehouse and records it as stored.
 * Guarantees: target and directories are on disk before *stored* is committed, and the source is removed after that. Nothing is
 * overwritten.
 */
import type { Tx } from '../../../queue/backend.js';
import { DirtyDirectories } from '../../files/dirty.js';
import { nameOfBytes } from '../../linux/index.js';
import type { MoveAnswer, PutAnswer, ToPut } from '../calls/order.js';
import { hasEnded } from '../ledger/content.js';
import { type Delivered, recordStored } from '../ledger/stored.js';
import { askOne, eachJob, judgeEach } from '../steps/each-job.js';
import { targetRefused } from '../steps/find-targets.js';
import type { IngestJob } from '../steps/job.js';
import {
  type Batch,
  type Contents,
  durably,
  type Handled,
  interruptedIs,
  type Judged,
  orderOf,
  type Stage,
  type Step,
} from '../steps/stage.js';
import {
  afterPut,
  changedIn,
  isInPlace,
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
  ofContent: true,
  byBytes: true,

  run: moveAll,
};

async function moveAll(jobs: readonly IngestJob[], batch: Batch, contents: Contents): Promise<Judged> {
  const dirty = new DirtyDirectories();
  const steps = new Map<IngestJob, Handled>();
  const open: OneMove[] = [];
  for (const job of jobs) {
    const content = contents.get(job)!;
    const step = withoutMove(job, batch, content);
    if (step) steps.set(job, step);
    else open.push({ job, batch, dirty, content, target: nameOfBytes(content.target!) });
  }
  const moved = new Set<IngestJob>();
  for (const [job, step] of await outputsFirst(open, batch, moved, moveOpen)) steps.set(job, step);
  const files = open.filter(({ job }) => !steps.has(job));
  const handled = await moveOpen(files, batch, moved);
  for (const [i, { job }] of files.entries()) steps.set(job, handled[i]!);
  // The target and the directories are synced before the commit of "stored".
  const all = jobs.map((job) => steps.get(job)!);
  const durable = await durably(move.name, batch, all, () => dirty.sync());
  // Nobody knows where the file is, or it is at its target and not recorded.
  const isInDoubt = (job: IngestJob, step: Step): boolean =>
    step.unanswered === true || (moved.has(job) && !('stored' in step));
  return {
    steps: durable.map((step, i) => (isInDoubt(jobs[i]!, step) ? interruptedIs(true, step) : step)),
    also: (tx, settled) => recordAll(tx, batch, jobs, durable, settled),
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
  // Nothing more is begun for a job of which an output hangs or fails: the call may come back at any time.
  const stopped = new Map<string, Promise<Step>>();
  const byBytes = async (job: IngestJob): Promise<Step> => {
    const doing =
      stopped.get(job.id) ??
      act(job).catch((error: unknown) => {
        const step = refused(job, error);
        if (step === undefined) throw error;
        return step;
      });
    stopped.set(job.id, doing);
    const step = await doing;
    if (isInPlace(step)) stopped.delete(job.id);
    return step;
  };
  const rest = (await eachJob([...left.keys()], batch, byBytes, '')).values();
  return judged.map((step) => step ?? rest.next().value!);
}

/** *Stored* is counted here, where the ledger says it; stages after this one may take their time. */
function recordAll(
  tx: Tx,
  { feed }: Batch,
  jobs: readonly IngestJob[],
  steps: readonly Step[],
  settled: ReadonlyMap<string, unknown>,
): void {
  const rows: { [State in Delivered]: number[] } = { stored: [], unconfirmed: [] };
  let [files, bytes] = [0, 0];
  jobs.forEach((job, i) => {
    const step = steps[i]!;
    if (!('stored' in step) || !settled.has(job.id)) return;
    const { content, state } = (step as Stored).stored;
    rows[state].push(content.row);
    if (hasEnded(content)) return;
    files++;
    bytes += content.size;
  });
  for (const state of ['stored', 'unconfirmed'] as const)
    if (rows[state].length > 0) recordStored(tx, rows[state], state);
  if (files > 0) tx.count(feed.name, move.name, 'stored', files, bytes);
}
