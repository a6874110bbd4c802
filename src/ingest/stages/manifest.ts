/**
 * manifest: plans the ingest instant, partition, hour and target of each content and its line in one transaction, appends
 * the lines, confirms them.
 * Guarantees: a content gets one line, whatever crashes in between (see src/ingest/manifest/append.ts). The line comes before
 * the move, so a reader must wait for `warehouse_path`.
 */
import assert from 'node:assert/strict';
import type { Reader, Tx } from '../../../queue/backend.js';
import { PlaceError } from '../../files/place-error.js';
import { bytesOfName } from '../../linux/index.js';
import { withTargets } from '../chains/recorded-outputs.js';
import { type Content, statesByRow } from '../ledger/content.js';
import { askedSince } from '../ledger/host.js';
import { giveNames, warehouseOf } from '../ledger/names.js';
import { APPEND_COLUMNS, type Append, type Lines, manifestPath } from '../manifest/append.js';
import { planAgain } from '../manifest/plan-again.js';
import { manifestLine } from '../manifest/record.js';
import { appendTo, type Finished, fileName, finishOpen, type ManifestFile, type Written } from '../manifest/write.js';
import { firstOpen, isClosed, noteLines } from '../periods/plan.js';
import { CHECK_TRUSTED_MS } from '../warehouse/free-names.js';
import { findTargets, type Plan } from './find-targets.js';
import {
  type Batch,
  blocked,
  type Contents,
  contentsOf,
  defer,
  type IngestJob,
  interruptedIs,
  longerMs,
  type Stage,
  type Verdict,
} from './stage.js';

/** A file whose end changes this often is left to the others for a moment. */
const ROUNDS_MAX = 20;

export const manifest: Stage = {
  name: 'manifest',
  // A target is checked before its line is written.
  places: ['manifests', 'warehouse'],
  ofContent: true,
  reasons: {
    manifest_busy: { short: 'manifest busy', who: 'nobody' },
    manifest_leased: { short: 'manifest open elsewhere', who: 'nobody' },
  },

  async run(jobs, batch, now) {
    const verdicts = new Map<IngestJob, Verdict>();
    const contents = new Map(now);
    /** Their lines were not confirmed when this claim began. */
    const withoutLine = new Set(jobs.filter((job) => contents.get(job)!.state === 'carried'));
    let todo = [...jobs];
    batch.worksOn(undefined, 'manifests');
    try {
      for (let round = 0; todo.length > 0 && round < ROUNDS_MAX; round++) {
        if (round > 0) readContentsAgain(todo, contents, batch);
        todo = todo.filter((job) => !answered(job, contents.get(job), verdicts));
        const open = todo.find((job) => contents.get(job)!.target !== null);
        const came = await (open
          ? finishPlanned(contents.get(open)!, batch)
          : appendAll(todo, contents, batch, verdicts));
        if (came !== 'busy' && came !== 'leased') continue;
        for (const job of todo) if (!verdicts.has(job)) verdicts.set(job, manifestBusy(job, came));
        break;
      }
    } catch (error) {
      if (!(error instanceof PlaceError)) throw error;
      for (const job of todo) verdicts.set(job, blocked(this.name, batch.feed.name, error, batch.emit));
    } finally {
      batch.worksOn(undefined);
    }
    const stepOf = (job: IngestJob): Verdict => {
      const verdict = verdicts.get(job) ?? manifestBusy(job);
      // Nothing leaves the work directory before its line is confirmed.
      return job.claim.interrupted && withoutLine.has(job) ? interruptedIs(false, verdict) : verdict;
    };
    return { verdicts: jobs.map(stepOf) };
  },
};

/** True where the job has its line, or cannot have one. `content`: undefined where another process has ended it, and this claim is over. */
function answered(job: IngestJob, content: Content | undefined, verdicts: Map<IngestJob, Verdict>): boolean {
  if (verdicts.has(job) || !content) return true;
  if (content.state === 'carried') return false;
  verdicts.set(job, { outcome: { kind: 'advance' } });
  return true;
}

/** Reads the states again. The rest of a row can have changed only while the content has no confirmed line. */
function readContentsAgain(jobs: readonly IngestJob[], contents: Map<IngestJob, Content>, batch: Batch): void {
  const known = jobs.filter((job) => contents.has(job));
  const rows = known.map((job) => contents.get(job)!.row);
  const states = batch.backend.read((reader) => statesByRow(reader, rows));
  for (const job of known) {
    const state = states.get(contents.get(job)!.row);
    if (state) contents.set(job, { ...contents.get(job)!, state });
    else contents.delete(job);
  }
  const carried = known.filter((job) => contents.get(job)?.state === 'carried');
  if (carried.length === 0) return;
  for (const [job, content] of contentsOf(carried, batch)) contents.set(job, content);
}

/** A content with a target and no confirmed line is in an open append. */
function finishPlanned(content: Content, batch: Batch): Promise<Finished | Written> {
  const file = fileOf(batch, content.hour!);
  const sql = `SELECT ${APPEND_COLUMNS} FROM appends WHERE file = ?`;
  const open = batch.backend.read((reader) => reader.get<Append>(sql, fileName(file)));
  return open ? finishOpen(file, open) : planAgain(content, file, batch.feed);
}

async function appendAll(
  jobs: readonly IngestJob[],
  contents: Contents,
  batch: Batch,
  verdicts: Map<IngestJob, Verdict>,
): Promise<Written> {
  if (jobs.length === 0) return 'nothing';
  const at = batch.backend.read((reader) => firstOpen(reader, batch.feed, Date.now()));
  const checkedMs = batch.backend.nowMs();
  const plans = await findTargets(jobs, at.date, batch, (job, verdict) => void verdicts.set(job, verdict));
  if (plans.length === 0) return 'nothing';
  return appendTo(fileOf(batch, at.hour), (tx) => {
    if (tx.nowMs - checkedMs > CHECK_TRUSTED_MS || !isItsWarehouse(tx, batch)) return undefined;
    // Closed while this process was stopped: the next round takes a later instant.
    if (isClosed(tx, batch.feed, at)) return undefined;
    return planLines(tx, batch, plans, contents, at, verdicts);
  });
}

/** Every host asks again for what it asked for before the shared ledger was restored, or before it joined once more. */
const SHARE_AGAIN: Verdict = { outcome: { kind: 'back', to: 'share' } };

const PLAN = `UPDATE contents SET target = ?, hour = ?, ingest_id = ?, ingested_at_ms = ?, updated_at_ms = ?
  WHERE row = ? AND state = 'carried' AND target IS NULL`;

function planLines(
  tx: Tx,
  batch: Batch,
  plans: readonly Plan[],
  contents: Contents,
  at: ReturnType<typeof firstOpen>,
  verdicts: Map<IngestJob, Verdict>,
): Lines {
  const { atMs, hour } = at;
  const warehouse = warehouseOf(tx, batch.feed.name)!;
  const since = askedSince(tx);
  const rows: number[] = [];
  let lines = '';
  for (const { job, target, outputs, processed } of plans) {
    // Only the claim of its carrier plans a content's line, so the row is as it was read.
    if (!tx.isOurs(job.claim)) continue;
    const content = contents.get(job)!;
    const { row } = content;
    if (content.asked < since) {
      verdicts.set(job, SHARE_AGAIN);
      continue;
    }
    // Another process has given it since it was checked: the next round checks again.
    if (!giveNames(tx, warehouse, row, [target, ...outputs])) continue;
    const planned: Content = {
      ...content,
      target: bytesOfName(target),
      hour,
      ingestId: job.id,
      ingestedAtMs: atMs,
    };
    const { changes } = tx.run(PLAN, planned.target, hour, job.id, atMs, tx.wallMs, row);
    assert(changes === 1, `content ${row} is planned already`);
    const made = processed && withTargets(tx, row, processed, outputs);
    lines += manifestLine(planned, batch.feed, made);
    rows.push(row);
  }
  if (rows.length === 0) return undefined;
  noteLines(tx, batch.feed, at);
  return { lines, items: { rows, jobs: [] } };
}

const fileOf = (batch: Batch, hour: string): ManifestFile => ({
  backend: batch.backend,
  emit: batch.emit,
  feed: batch.feed.name,
  manifests: batch.feed.manifests,
  root: batch.files.manifests,
  path: manifestPath(hour),
});

/** False where the feed got another warehouse since: the line would name this one, and the move would go to the other one. */
const isItsWarehouse = (reader: Reader, { feed }: Batch): boolean =>
  reader.get<{ path: string }>("SELECT path FROM roots WHERE feed = ? AND kind = 'warehouse'", feed.name)?.path ===
  feed.warehouse;

const FIRST_MS = { busy: 20, leased: 250 } as const;
const LONGEST_MS = 1_000;

/**
 * A job waits when another process has its manifest file: longer each time, so that one stopped owner does not make the
 * others claim a thousand jobs fifty times a second.
 * A lease on the file takes longer: the kernel asks the lease's owner, who needs a moment to give it back.
 */
export function manifestBusy(job: IngestJob, how: keyof typeof FIRST_MS = 'busy'): Verdict {
  const why = `manifest_${how}` as const;
  return defer(longerMs(job, why, FIRST_MS[how], LONGEST_MS), why);
}
