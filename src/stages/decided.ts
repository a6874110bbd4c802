/**
 * Jobs whose end is decided already (stored, duplicate, discarded, withdrawn): a line that has to be taken back is written first,
 * then their files are put away, in whatever stage they are.
 */
import { DirtyDirectories } from '../files/dirty.js';
import { correctionsPath } from '../manifest/append.js';
import { appendTo, type Written } from '../manifest/write.js';
import { manifestBusy } from './busy.js';
import { eachJob } from './each-job.js';
import type { IngestJob } from './job.js';
import { putAway } from './put-away.js';
import { type Batch, durably, type Step } from './stage.js';
import { takeOut } from './take-out.js';

export async function finishDecided(stage: string, jobs: readonly IngestJob[], batch: Batch): Promise<Step[]> {
  const toCorrect = correctionsOf(jobs, batch);
  const came = new Map<string, Written>();
  for (const hour of new Set(toCorrect.values())) came.set(hour, await writeCorrections(hour, jobs, toCorrect, batch));
  const left = correctionsOf(jobs, batch);
  const dirty = new DirtyDirectories();
  const handled = await eachJob(jobs, batch, (job) => {
    const hour = left.get(job.id);
    if (hour !== undefined) return manifestBusy(job, came.get(hour) === 'leased' ? 'leased' : 'busy');
    const { kind } = job.facts.putAway!;
    return kind === 'withdrawn' ? takeOut(job, batch) : putAway(job, batch, dirty, kind);
  });
  return durably(stage, batch, handled, () => dirty.sync());
}

/** The hours in whose corrections.jsonl the jobs' lines have to be taken back. */
function correctionsOf(jobs: readonly IngestJob[], batch: Batch): Map<string, string> {
  const takenBack = jobs.filter(
    ({ facts: { putAway } }) => putAway!.kind === 'discarded' || putAway!.kind === 'withdrawn',
  );
  return batch.backend.read((reader) => {
    const hours = new Map<string, string>();
    for (const job of takenBack) {
      const row = reader.get<{ hour: string }>('SELECT hour FROM corrections WHERE job = ?', job.id);
      if (row) hours.set(job.id, row.hour);
    }
    return hours;
  });
}

function writeCorrections(
  hour: string,
  jobs: readonly IngestJob[],
  hours: Map<string, string>,
  batch: Batch,
): Promise<Written> {
  const file = {
    backend: batch.backend,
    emit: batch.emit,
    feed: batch.feed.name,
    manifests: batch.feed.manifests,
    root: batch.files.manifests,
    path: correctionsPath(hour),
  };
  return appendTo(file, (tx) => {
    const ids: string[] = [];
    let lines = '';
    for (const job of jobs) {
      if (hours.get(job.id) !== hour) continue;
      const row = tx.get<{ line: string }>('SELECT line FROM corrections WHERE job = ?', job.id);
      if (!row) continue;
      lines += row.line;
      ids.push(job.id);
    }
    return ids.length > 0 ? { lines, items: { rows: [], jobs: ids } } : undefined;
  });
}
