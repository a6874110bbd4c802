/**
 * manifest: plans the ingest instant, partition, hour and target of each content and its line in one transaction, appends
 * the lines, confirms them.
 * Guarantees: a content gets one line, whatever crashes in between (see src/ingest/manifest/append.ts). The line comes before
 * the move, so a reader must wait for `warehouse_path`.
 */
import type { Tx } from '../../../queue/backend.js';
import { PlaceError } from '../../files/place-error.js';
import { type Content, contentByRow } from '../ledger/content.js';
import { APPEND_COLUMNS, type Append } from '../manifest/append.js';
import { manifestLine } from '../manifest/record.js';
import { planningTurns } from '../manifest/turns.js';
import { appendTo, type Finished, fileName, finishOpen, type Lines, type Written } from '../manifest/write.js';
import { withTargets } from '../outputs/recorded.js';
import { firstOpen, isClosed, noteLines } from '../periods/plan.js';
import { findTargets, type Plan } from '../planning/find-targets.js';
import { fileOf, isItsWarehouse } from '../planning/manifest-file.js';
import { planAgain } from '../planning/plan-again.js';
import { payloadOf } from '../rules/facts.js';
import { mayHaveMoved, movedNothing } from '../rules/moved.js';
import { asksAgain } from '../steps/asks-again.js';
import { readContentsAgain } from '../steps/contents.js';
import type { IngestJob } from '../steps/job.js';
import { manifestBusy } from '../steps/manifest-busy.js';
import { notTheCarrier } from '../steps/not-the-carrier.js';
import { type Batch, blocked, type Stage, type Step } from '../steps/stage.js';
import { CHECK_TRUSTED_MS, reserveAll } from '../warehouse/reserve.js';
import { notMoved } from './move.js';
import { moveOnTheWay } from './move-on-the-way.js';

/** A file whose end changes this often is left to the others for a moment. */
const ROUNDS_MAX = 20;

export const manifest: Stage = {
  name: 'manifest',
  // A target is checked before its line is written, and a worker of all stages moves the file in the same claim.
  places: ['manifests', 'warehouse'],

  async run(jobs, batch) {
    const steps = asksAgain(jobs, batch);
    const contents = new Map(jobs.map((job) => [job, job.planned]));
    let todo = [...jobs];
    batch.hand(undefined, 'manifests');
    try {
      for (let round = 0; todo.length > 0 && round < ROUNDS_MAX; round++) {
        // A job that was planned ahead in this claim is not read again. If another process was faster, there is no open append.
        readContentsAgain(round === 0 ? todo.filter((job) => !job.planned) : todo, contents, batch);
        todo = todo.filter((job) => !answered(job, contents.get(job), round, steps));
        const open = todo.find((job) => contents.get(job)!.target !== null);
        const came = await (open ? finishPlanned(contents.get(open)!, batch) : appendAll(todo, contents, batch, steps));
        if (came !== 'busy' && came !== 'leased') continue;
        for (const job of todo) if (!steps.has(job)) steps.set(job, manifestBusy(job, came));
        break;
      }
    } catch (error) {
      if (!(error instanceof PlaceError)) throw error;
      for (const job of todo) steps.set(job, blocked(this.name, batch.feed.name, error, batch.emit));
    } finally {
      batch.hand(undefined);
    }
    const answers = jobs.map((job) => withoutLine(job, steps.get(job) ?? manifestBusy(job)));
    return moveOnTheWay(jobs, answers, contents, batch);
  },
};

/** Nothing is moved without its line. */
const withoutLine = (job: IngestJob, step: Step): Step =>
  typeof step.outcome !== 'function' && step.outcome.kind === 'advance' ? step : notMoved(job, step);

/** True where the job has its line, or cannot have one. */
function answered(job: IngestJob, content: Content | undefined, round: number, steps: Map<IngestJob, Step>): boolean {
  if (steps.has(job)) return true;
  if (!content || content.carrier !== job.id) {
    steps.set(job, notTheCarrier(job));
    return true;
  }
  if (content.state === 'carried') return false;
  const { claimNo } = job.claim;
  // Confirmed before this claim. If this is not the first claim for this stage, an earlier one may have moved the file.
  const isMoved = round === 0 && mayHaveMoved(job.facts, claimNo);
  const facts = isMoved ? job.facts : { ...job.facts, ...movedNothing(claimNo) };
  steps.set(job, { outcome: { kind: 'advance', payload: payloadOf(facts) } });
  return true;
}

/** A content with a target and no confirmed line is in an open append. */
async function finishPlanned(content: Content, batch: Batch): Promise<Finished | Written> {
  const file = fileOf(batch, content.hour!);
  const name = fileName(file);
  const open = batch.backend.read((r) => r.get<Append>(`SELECT ${APPEND_COLUMNS} FROM appends WHERE file = ?`, name));
  try {
    return await (open ? finishOpen(file, open) : planAgain(content, file, batch.feed));
  } finally {
    planningTurns.end(name);
  }
}

async function appendAll(
  jobs: readonly IngestJob[],
  contents: Map<IngestJob, Content | undefined>,
  batch: Batch,
  steps: Map<IngestJob, Step>,
): Promise<Written> {
  if (jobs.length === 0) return 'nothing';
  const at = batch.backend.read((reader) => firstOpen(reader, batch.feed, Date.now()));
  const checkedMs = batch.backend.nowMs();
  batch.hand(undefined, 'warehouse');
  const plans = await findTargets(jobs, at.date, batch, (job, step) => void steps.set(job, step));
  batch.hand(undefined, 'manifests');
  if (plans.length === 0) return 'nothing';
  return appendTo(fileOf(batch, at.hour), (tx) => {
    if (tx.nowMs - checkedMs > CHECK_TRUSTED_MS || !isItsWarehouse(tx, batch)) return undefined;
    // Closed while this process was stopped: the next round takes a later instant.
    if (isClosed(tx, batch.feed, at)) return undefined;
    return planLines(tx, batch, plans, contents, at);
  });
}

function planLines(
  tx: Tx,
  batch: Batch,
  plans: readonly Plan[],
  contents: Map<IngestJob, Content | undefined>,
  at: ReturnType<typeof firstOpen>,
): Lines {
  const { atMs, hour } = at;
  const rows: number[] = [];
  let lines = '';
  for (const { job, target, outputs, processed } of plans) {
    const { row } = contents.get(job)!;
    const content = contentByRow(tx, row);
    if (content?.state !== 'carried' || content.target !== null || content.carrier !== job.id) continue;
    // Another process has reserved it since it was checked: the next round checks again.
    if (!reserveAll(tx, batch.feed.warehouse, [target, ...outputs], row)) continue;
    const planned: Content = {
      ...content,
      target: Buffer.from(target, 'latin1'),
      hour,
      ingestId: job.id,
      ingestedAtMs: atMs,
    };
    tx.run(
      'UPDATE contents SET target = ?, hour = ?, ingest_id = ?, ingested_at_ms = ?, updated_at_ms = ? WHERE row = ?',
      planned.target,
      hour,
      job.id,
      atMs,
      tx.wallMs,
      row,
    );
    lines += manifestLine(planned, batch.feed, processed && withTargets(tx, row, processed, outputs));
    rows.push(row);
  }
  if (rows.length === 0) return undefined;
  noteLines(tx, batch.feed, at);
  return { lines, items: { rows, jobs: [] } };
}
