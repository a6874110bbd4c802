/**
 * move: brings a content's file to its reserved target in the warehouse and records it as stored.
 * Guarantees: target and directories are on disk before *stored* is committed, the source is removed after it; nothing is
 * overwritten. Target and source both gone after an earlier try: a consumer was quicker than our commit.
 */
import type { Outcome, Tx } from '../../../queue/backend.js';
import type { Entry } from '../../files/directories.js';
import { DirtyDirectories } from '../../files/dirty.js';
import { inPlaceAsync } from '../../files/place-error.js';
import { folderOf, UNDERPROCESS } from '../../files/places.js';
import { type ByteName, type Stat, shownName, unlinkAt } from '../../linux/index.js';
import { statEntry } from '../files/feed-files.js';
import type { Content } from '../ledger/content.js';
import { recordStored } from '../ledger/stored.js';
import { payloadOf } from '../rules/facts.js';
import { sameBytes } from '../rules/verified.js';
import { isContent, type Put, putAtTarget, type Source } from '../warehouse/target.js';
import { contentsOf } from './contents.js';
import { eachJob } from './each-job.js';
import type { IngestJob } from './job.js';
import { nameRefused } from './look.js';
import { renamedQuickly } from './quick-move.js';
import { type Batch, durably, hold, retry, type Stage, type Step } from './stage.js';

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
): Promise<Step[]> {
  const dirty = new DirtyDirectories();
  const moved = new Set<IngestJob>();
  for (const job of await renamedQuickly(jobs, contents, batch, dirty)) moved.add(job);
  const handle = (job: IngestJob): Step | Promise<Step> =>
    moved.has(job)
      ? afterPut(job, batch, dirty, contents.get(job)!, 'renamed')
      : moveOne(job, batch, dirty, contents.get(job), moved);
  const handled = await eachJob(jobs, batch, handle, 'warehouse', (job) => moved.has(job));
  // Target and directories before the commit that says "stored".
  const steps = await durably(move.name, batch, handled, () => dirty.sync());
  batch.around = { after: (tx, settled) => recordAll(tx, jobs, steps, settled) };
  return steps.map((step, i) => (moved.has(jobs[i]!) ? step : notMoved(jobs[i]!, step)));
}

/** A step that says that a content is in place: the ledger learns it in the transaction that settles the job. */
interface Stored extends Step {
  stored: { row: number; note: string | null };
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

/** A claim that moved nothing (the warehouse was failing, the file missing) leaves no doubt to the next one. */
function notMoved(job: IngestJob, step: Step): Step {
  if (mayHaveMoved(job)) return step;
  return {
    ...step,
    outcome: (tx, claimed) => {
      const outcome = typeof step.outcome === 'function' ? step.outcome(tx, claimed) : step.outcome;
      if (outcome.kind === 'finish') return outcome;
      return { ...outcome, payload: { ...(outcome.payload ?? payloadOf(job.facts)), moveAfter: job.claim.claimNo } };
    },
  };
}

/** A claim for this stage ended in a way that does not tell whether it had moved the file. */
const mayHaveMoved = (job: IngestJob): boolean => job.claim.claimNo > (job.facts.moveAfter ?? 0) + 1;

async function moveOne(
  job: IngestJob,
  batch: Batch,
  dirty: DirtyDirectories,
  content: Content | undefined,
  moved: Set<IngestJob>,
): Promise<Step> {
  if (!content?.target || content.carrier !== job.id) {
    return retry(
      'not_the_carrier',
      `job ${job.id} does not carry content ${job.facts.content}: this is a bug, please report it`,
    );
  }
  if (content.state === 'stored') return stored(job, batch, content, false, content.note);
  const part = job.facts.sealed?.kind === 'copy' ? 'copy' : 'file';
  const entry = batch.files.workEntry(job, part);
  const source = statEntry(entry);
  if (!entry || !source) return withoutSource(job, batch, content, dirty);
  if (part === 'file' && !sameBytes(job.facts.sealed!.identity, source)) return changed(job);
  const put = await putOne(job, batch, dirty, content, { entry, source }).catch((error: unknown) => {
    const refused = nameRefused(job, batch, content.target!.toString('latin1') as ByteName, error);
    if (refused === undefined) throw error;
    return refused;
  });
  if (typeof put !== 'string') return put;
  // An error of it leaves the file where it was.
  if (put === 'renamed' || put === 'copied' || put === 'there') moved.add(job);
  return afterPut(job, batch, dirty, content, put);
}

function putOne(
  job: IngestJob,
  batch: Batch,
  dirty: DirtyDirectories,
  content: Content,
  { entry, source }: { entry: Entry; source: Stat },
): Promise<Put> {
  const target = content.target!.toString('latin1') as ByteName;
  const put: Source = {
    ...{ entry, stat: source, sha256: content.sha256, claim: { id: job.id, claimNo: job.claim.claimNo } },
    bounds: { pace: batch.pace, keepFree: batch.feed.minFreeBytes },
    reading: () => batch.hand(job, 'warehouse'),
  };
  const act = () => putAtTarget(batch.files.warehouse, target, put, dirty);
  return inPlaceAsync('warehouse', batch.feed.warehouse, 'write', act);
}

function afterPut(job: IngestJob, batch: Batch, dirty: DirtyDirectories, content: Content, put: Put): Step {
  const target = content.target!.toString('latin1') as ByteName;
  if (put === 'wrong_bytes') return changed(job);
  if (put === 'taken') {
    return hold(
      'target_taken',
      `somebody else's file lies at ${batch.feed.warehouse}/${shownName(target)}, and nothing is overwritten: move it away, then ingest-ctl retry`,
      job.facts,
    );
  }
  if (put === 'renamed') dirty.add(batch.files.work(job.inside), folderOf(batch.files.workPath(job, 'file')));
  return stored(job, batch, content, put === 'renamed' && job.facts.sealed?.kind !== 'copy', null, dirty);
}

/** The source is gone: moved before a crash, and perhaps taken away by a consumer since. */
async function withoutSource(job: IngestJob, batch: Batch, content: Content, dirty: DirtyDirectories): Promise<Step> {
  const target = content.target!.toString('latin1') as ByteName;
  const entry = batch.files.entryOrNone(batch.files.warehouse, target);
  const lies = statEntry(entry);
  batch.hand(job, 'warehouse');
  if (entry && lies && (await isContent(entry, content.sha256, undefined, batch.pace))) {
    // The rename may be from before a crash, and never synced.
    dirty.add(batch.files.warehouse, folderOf(target));
    return stored(job, batch, content, false, null);
  }
  if (!mayHaveMoved(job)) {
    return hold(
      'sealed_file_missing',
      `the sealed file of job ${job.id} is not in ${batch.files.roots.work}/${UNDERPROCESS} any more: put it back and ingest-ctl retry, or ingest-ctl discard`,
      job.facts,
    );
  }
  if (lies) {
    return hold(
      'target_taken',
      `somebody else's file lies at ${batch.feed.warehouse}/${shownName(target)}, and the sealed file is gone: look at both, then ingest-ctl retry or discard`,
      job.facts,
    );
  }
  return stored(job, batch, content, false, 'unconfirmed');
}

const changed = (job: IngestJob): Step =>
  hold(
    'changed_after_hash',
    'the sealed file was changed after it was hashed, which only its owner or root can do in the work directory: ingest-ctl discard it and send it again',
    job.facts,
  );

export const DONE: Outcome = { kind: 'finish', ending: 'stored' };

/** `all`: nothing of the job is left to be put away but its sidecar, whose demand was checked long ago. */
function stored(
  job: IngestJob,
  batch: Batch,
  content: Content,
  all: boolean,
  note: string | null,
  dirty?: DirtyDirectories,
): Stored {
  if (all && job.facts.sealed?.sidecar) {
    const sidecar = batch.files.workEntry(job, 'sidecar');
    if (sidecar && statEntry(sidecar)) unlinkAt(sidecar.dir, sidecar.name);
  }
  if (all && dirty) batch.files.work(job.inside).removeEmpty(folderOf(batch.files.workPath(job, 'file')), UNDERPROCESS);
  const putAway = { kind: 'stored' as const, ...(note !== null && { note }) };
  return {
    outcome: all ? DONE : { kind: 'defer', inMs: 0, why: 'stored', payload: payloadOf({ ...job.facts, putAway }) },
    stored: { row: content.row, note },
    told: () => {
      if (note === 'unconfirmed')
        batch.emit('file_unconfirmed', {
          feed: batch.feed.name,
          job: job.id,
          path: job.path,
          target: content.target!.toString('utf8'),
        });
      if (content.state === 'stored') return;
      batch.emit('file_ingested', {
        feed: batch.feed.name,
        job: job.id,
        path: job.path,
        warehouse_path: `${batch.feed.warehouse}/${content.target!.toString('utf8')}`,
        sha256: content.sha256.toString('hex'),
        bytes: content.size,
        seconds: (Date.now() - job.claim.createdAtMs) / 1_000,
      });
    },
  };
}
