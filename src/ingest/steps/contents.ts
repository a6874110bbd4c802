/** The ledger rows of a batch's jobs, read in one short transaction. One read for each job would cost as much as the move itself. */
import { type Content, contentsByRow, statesByRow } from '../ledger/content.js';
import type { IngestJob } from './job.js';
import type { Batch } from './stage.js';

/** A job without a row is left out. */
export function contentsOf(jobs: readonly IngestJob[], batch: Batch): Map<IngestJob, Content> {
  const rows = jobs.flatMap(({ facts }) => facts.content ?? []);
  const contents = batch.backend.read((reader) => contentsByRow(reader, rows));
  return new Map(
    jobs.flatMap((job) => {
      const content = contents.get(job.facts.content ?? -1);
      return content ? [[job, content] as const] : [];
    }),
  );
}

/** Reads the states again. The rest of a row can have changed only while the content has no confirmed line. */
export function readContentsAgain(jobs: readonly IngestJob[], contents: Map<IngestJob, Content>, batch: Batch): void {
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
