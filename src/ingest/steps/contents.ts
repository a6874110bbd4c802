/** The ledger rows of a batch's jobs, read in one short transaction. One read for each job would cost as much as the move itself. */
import { type Content, contentsByRow, statesByRow } from '../ledger/content.js';
import type { IngestJob } from './job.js';
import type { Batch } from './stage.js';

/** The current rows. Nobody takes a content from its carrier while the job is claimed, but others may confirm its line. */
export function contentsOf(jobs: readonly IngestJob[], batch: Batch): Map<IngestJob, Content | undefined> {
  const rows = jobs.flatMap(({ facts }) => facts.content ?? []);
  const contents = batch.backend.read((reader) => contentsByRow(reader, rows));
  return new Map(jobs.map((job) => [job, contents.get(job.facts.content ?? -1)]));
}

/** Reads the rows again. A content with a target can only have changed its state, so the rest of its row is not read. */
export function readContentsAgain(
  jobs: readonly IngestJob[],
  contents: Map<IngestJob, Content | undefined>,
  batch: Batch,
): void {
  const planned = jobs.filter((job) => contents.get(job)?.target);
  const others = planned.length === 0 ? jobs : jobs.filter((job) => !contents.get(job)?.target);
  if (others.length > 0) for (const [job, content] of contentsOf(others, batch)) contents.set(job, content);
  if (planned.length === 0) return;
  const states = batch.backend.read((reader) =>
    statesByRow(
      reader,
      planned.map((job) => contents.get(job)!.row),
    ),
  );
  for (const job of planned) {
    const known = contents.get(job)!;
    const state = states.get(known.row);
    contents.set(job, state && { ...known, state });
  }
}
