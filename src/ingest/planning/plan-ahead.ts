/**
 * Plans targets and lines of a batch in the same transaction that records its hashes, where this process goes on with the batch
 * anyway. This saves a transaction for each batch, and a content's row is written once.
 * Guarantees: the same as the manifest stage's own planning: the append is the only open one of its file, the check of the
 * warehouse is recent, the target is reserved. Anything that is not planned here, that stage plans.
 */
import type { Around, Tx } from '../../../queue/backend.js';
import { type Partition, partitionOf } from '../../files/job-paths.js';
import { PlaceError } from '../../files/place-error.js';
import type { ByteName } from '../../linux/index.js';
import type { Ahead } from '../ledger/ask.js';
import type { Content } from '../ledger/content.js';

import { type Append, type End, fillAppend, planAppend } from '../manifest/append.js';
import { manifestLine } from '../manifest/record.js';
import { planningTurns } from '../manifest/turns.js';
import { endOf, fileName } from '../manifest/write.js';
import { isClosed, noteLines } from '../periods/plan.js';
import { asking, isHashed } from '../steps/hashed.js';
import type { IngestJob } from '../steps/job.js';
import type { Batch, Step } from '../steps/stage.js';
import { CHECK_TRUSTED_MS, reserve } from '../warehouse/reserve.js';
import { findTargetsAhead, type Plan } from './find-targets.js';
import { fileOf, isItsWarehouse } from './manifest-file.js';

/** Changes the steps of hashed jobs in place. Returns the writes that open and fill the append, if anything is planned. */
export async function planAhead(jobs: readonly IngestJob[], steps: Step[], batch: Batch): Promise<Around | undefined> {
  // With a chain, names and lines are known only after it.
  if (batch.feed.process || !batch.goesOn('manifest')) return undefined;
  const hashed = jobs.filter((_, i) => isHashed(steps[i]!));
  if (hashed.length === 0) return undefined;
  const planning = await prepared(hashed, batch);
  if (!planning) return undefined;
  jobs.forEach((job, i) => {
    const step = steps[i]!;
    const plan = planning.plans.get(job);
    if (!plan || !isHashed(step)) return;
    steps[i] = asking(batch, step, () => planning.ahead(plan));
  });
  return planning;
}

/** Undefined where a place fails: the manifest stage will find that again, and report it. */
async function prepared(jobs: readonly IngestJob[], batch: Batch): Promise<Planning | undefined> {
  const atMs = Date.now();
  const at = partitionOf(atMs, batch.feed.timezone);
  const file = fileOf(batch, at.hour);
  await planningTurns.begin(fileName(file));
  const checkedMs = batch.backend.nowMs();
  try {
    const plans = await findTargetsAhead(jobs, at.date, batch);
    return new Planning(batch, plans, { ...at, atMs, checkedMs }, fileName(file), endOf(file));
  } catch (error) {
    planningTurns.end(fileName(file));
    if (error instanceof PlaceError) return undefined;
    throw error;
  } finally {
    batch.hand(undefined);
  }
}

interface When extends Partition {
  atMs: number;
  checkedMs: number;
}

class Planning implements Around {
  readonly plans: ReadonlyMap<IngestJob, Plan>;
  #append: Append | undefined;
  #lines = '';
  #rows: number[] = [];
  #tried = false;

  constructor(
    readonly batch: Batch,
    plans: readonly Plan[],
    readonly when: When,
    readonly file: string,
    readonly end: End,
  ) {
    this.plans = new Map(plans.map((plan) => [plan.job, plan]));
  }

  before(tx: Tx): void {
    this.#append = undefined;
    // A second decision means that one job's writes can be undone alone. Its line here would stay, so nothing is planned ahead.
    if (this.#tried) return;
    this.#tried = true;
    const { batch, when, file, end } = this;
    if (tx.nowMs - when.checkedMs > CHECK_TRUSTED_MS || !isItsWarehouse(tx, batch)) return;
    if (isClosed(tx, batch.feed, when)) return;
    const planned = planAppend(tx, batch.feed.name, file, end, batch.backend.owner);
    if ('append' in planned) this.#append = planned.append;
  }

  ahead({ target }: Plan): Ahead | undefined {
    if (!this.#append) return undefined;
    const { atMs, hour } = this.when;
    return { target, hour, atMs, take: (tx, content) => this.#take(tx, content, target) };
  }

  #take(tx: Tx, content: Content, target: ByteName): boolean {
    const { feed } = this.batch;
    if (!reserve(tx, feed.warehouse, target, content.row)) return false;
    this.#lines += manifestLine(content, feed);
    this.#rows.push(content.row);
    return true;
  }

  after(tx: Tx): void {
    const items = { rows: this.#rows, jobs: [] };
    // With lines, the turn ends after they are written (manifest.ts).
    if (!this.#append || !fillAppend(tx, this.#append, { lines: this.#lines, items })) planningTurns.end(this.file);
    else noteLines(tx, this.batch.feed, this.when);
  }
}
