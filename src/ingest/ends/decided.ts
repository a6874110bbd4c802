/**
 * Finishes jobs whose end is decided (stored, duplicate, discarded, withdrawn), in any stage: a line that must be taken back is
 * corrected first, then the job's files are put away.
 */
import { DirtyDirectories } from '../../files/dirty.js';
import { writeCorrections } from '../manifest/corrections.js';
import type { Written } from '../manifest/write.js';
import { eachJob } from '../steps/each-job.js';
import type { IngestJob } from '../steps/job.js';
import { manifestBusy } from '../steps/manifest-busy.js';
import { type Batch, durably, type Step } from '../steps/stage.js';
import { putAway } from './put-away.js';
import { takeOut } from './take-out.js';
import { forgettingOutputs, takeOutputs } from './take-outputs.js';

export async function finishDecided(stage: string, jobs: readonly IngestJob[], batch: Batch): Promise<Step[]> {
  const toCorrect = correctionsOf(jobs, batch);
  const came = new Map<string, Written>();
  const { backend, emit, feed, files } = batch;
  const manifests = { backend, emit, feed: feed.name, manifests: feed.manifests, root: files.manifests };
  for (const hour of new Set(toCorrect.values())) {
    const ids = [...toCorrect].flatMap(([id, its]) => (its === hour ? [id] : []));
    came.set(hour, await writeCorrections(manifests, hour, ids));
  }
  const left = correctionsOf(jobs, batch);
  const dirty = new DirtyDirectories();
  const handled = await eachJob(jobs, batch, (job) => {
    const hour = left.get(job.id);
    if (hour !== undefined) return manifestBusy(job, came.get(hour) === 'leased' ? 'leased' : 'busy');
    const { kind } = job.facts.putAway!;
    if (kind === 'withdrawn') return takeOut(job, batch);
    return kind === 'discarded' ? discard(job, batch, dirty) : putAway(job, batch, dirty, kind);
  });
  return durably(stage, batch, handled, () => dirty.sync());
}

/** The outputs are taken out before the file: a file in failed/ has nothing left in the warehouse. */
async function discard(job: IngestJob, batch: Batch, dirty: DirtyDirectories): Promise<Step> {
  const { content, putAway: decided } = job.facts;
  if (content !== undefined) await takeOutputs(job, batch, content);
  return forgettingOutputs(putAway(job, batch, dirty, decided!.kind as 'discarded'), content);
}

/** By job: the hour in whose corrections.jsonl its line must be taken back. */
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
