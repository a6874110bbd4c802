/**
 * Moves the outputs of a processed file, before the file itself.
 * Guarantees: where the file is at its target, all of its outputs are at theirs, also after a power cut: their directories are synced
 * before the file is renamed.
 */
import { inPlaceAsync, PlaceError } from '../../files/place-error.js';
import { nameOfBytes } from '../../linux/index.js';
import { type Processed, processedOf } from '../outputs/recorded.js';
import type { IngestJob } from '../steps/job.js';
import type { Batch, Handled } from '../steps/stage.js';
import { COPIED, isInPlace, type OneMove } from './move-one.js';

export type MoveOpen = (open: readonly OneMove[], batch: Batch, moved: Set<IngestJob>) => Promise<Handled[]>;

/**
 * Returns the result for each job whose outputs are not all at their targets. `moved` gets the jobs of which at least one output was
 * moved. A file is marked where an output of it was copied.
 */
export async function outputsFirst(
  files: readonly OneMove[],
  batch: Batch,
  moved: Set<IngestJob>,
  moveOpen: MoveOpen,
): Promise<Map<IngestJob, Handled>> {
  const failed = new Map<IngestJob, Handled>();
  const made = files.filter(({ job }) => job.facts.processed);
  if (made.length === 0) return failed;
  const processed = batch.backend.read((reader) => made.map(({ content }) => processedOf(reader, content.row)!));
  const owners = new Map(made.flatMap((one, i) => outputsOf(one, processed[i]!).map((output) => [output, one])));
  const outputs = [...owners.keys()];
  const movedOutputs = new Set<IngestJob>();
  const handled = await moveOpen(outputs, batch, movedOutputs);
  for (const [i, output] of outputs.entries()) {
    const owner = owners.get(output)!;
    const step = handled[i]!;
    if (movedOutputs.has(output.job)) moved.add(owner.job);
    if (step === COPIED) owner.hasCopied = true;
    // The one that hangs says when the job may be settled.
    if (!isInPlace(step) && (!failed.has(owner.job) || 'hangs' in step)) failed.set(owner.job, step);
  }
  try {
    await inPlaceAsync('warehouse', batch.files.roots.warehouse, 'write', () => made[0]!.dirty.sync());
  } catch (error) {
    if (!(error instanceof PlaceError)) throw error;
    for (const { job } of made) failed.set(job, error);
  }
  return failed;
}

/** The outputs as moves. Each has a copy of its job, because a step belongs to one file of one job. */
const outputsOf = (one: OneMove, { outputs, claimNo }: Processed): OneMove[] =>
  outputs.map((output) => ({
    ...one,
    job: { ...one.job },
    target: nameOfBytes(output.target!),
    output: { ...output, claimNo },
  }));
