/**
 * Looks for a free target for each job of a batch, before its lines are planned.
 * Guarantees: what fails of the whole warehouse comes out as a PlaceError; what a single name or folder does is its job's own.
 * Does not: reserve anything; the planning transaction does.
 */
import { errnoOf, inPlace, PlaceError } from '../files/place-error.js';
import { baseOf, folderOf } from '../files/places.js';
import type { Content } from '../ledger/content.js';
import { type ByteName, joinNames, LinuxError, shownName } from '../linux/index.js';
import { freeTarget } from '../warehouse/reserve.js';
import type { IngestJob } from './job.js';
import { type Batch, failed, hold, type Step } from './stage.js';

export interface Plan {
  job: IngestJob;
  row: number;
  target: ByteName;
}

/** `steps` gets those of the jobs that can have no target. */
export function lookForTargets(
  jobs: readonly IngestJob[],
  contents: Map<IngestJob, Content | undefined>,
  date: ByteName,
  batch: Batch,
  steps: Map<IngestJob, Step>,
): Plan[] {
  const chosen = new Set<ByteName>();
  return batch.backend.read((reader) =>
    jobs.flatMap((job) => {
      const wanted = joinNames(date, batch.feed.preserveSubdirs ? job.path : baseOf(job.path));
      const folder = folderOf(wanted);
      const place = `${batch.feed.warehouse}/${shownName(folder)}`;
      try {
        // A partition that may not be entered speaks of every file of the day, a sub-folder in it only of its own.
        const access = folder === date ? 'root' : 'write';
        const target = inPlace('warehouse', place, access, () => freeTarget(reader, batch.files, wanted, chosen));
        return [{ job, row: contents.get(job)!.row, target }];
      } catch (error) {
        if (error instanceof PlaceError || errnoOf(error) === undefined) throw error;
        steps.set(job, nameRefused(job, batch, wanted, error) ?? failed(job, batch, error));
        return [];
      }
    }),
  );
}

const REFUSED = new Set(['EINVAL', 'EILSEQ', 'ENAMETOOLONG']);
const WITH_NAMES = new Set(['statx', 'openat2', 'mkdirat', 'renameat2']);

/** Not every filesystem takes every name: a colon, bytes that are no text, more than it has room for. */
export function nameRefused(job: IngestJob, batch: Batch, target: ByteName, error: unknown): Step | undefined {
  if (!(error instanceof LinuxError) || !REFUSED.has(error.code) || !WITH_NAMES.has(error.call)) return undefined;
  return hold(
    'target_name_refused',
    `the filesystem of ${batch.feed.warehouse} refuses the name ${shownName(target)} (${error.code}): send the file again under another name, and ingest-ctl discard this one`,
    job.facts,
  );
}
