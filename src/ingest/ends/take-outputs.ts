/**
 * Takes the outputs of a line that is taken back out of the warehouse: moved outputs go to `failed/`, the others are removed. So does
 * the file of a content that was given up.
 * Guarantees: takes only a file whose bytes were read, and that no other content has recorded as its own.
 */
import { baseOf, folderOf, shortened } from '../../files/job-paths.js';
import { inPlace } from '../../files/place-error.js';
import { joinNames, LinuxError } from '../../linux/index.js';
import { removeOutputs } from '../calls/outputs.js';
import { whoseFileAt } from '../evidence/at-path.js';
import { type Name, outputNames } from '../evidence/names.js';
import type { WorkKey } from '../files/feed-files.js';
import { contentByRow } from '../ledger/content.js';
import { forgetNames, ownNameOf } from '../ledger/names.js';
import { forgetOutputs, processedOf } from '../outputs/recorded.js';
import type { IngestJob } from '../steps/job.js';
import type { Batch, Step } from '../steps/stage.js';
import { TEMPORARY } from '../warehouse/target.js';
import { bringToFailed, takeFile } from './take-file.js';

/** `content`: the row of the ledger, also of a content that was given up. Errors: PlaceError. */
export async function takeOutputs(job: IngestJob, batch: Batch, content: number): Promise<void> {
  await bringToFailed(batch, job);
  removeUnmoved(job, batch);
  const processed = batch.backend.read((reader) => processedOf(reader, content));
  const suffixes = new Map(processed?.outputs.map(({ n, suffix }) => [n, suffix]));
  for (const name of [...ownOfGivenUp(job, batch, content), ...outputNames(content, processed)]) {
    const { backend, feed, files } = batch;
    const { n, target, sha256 } = name;
    const key = n === 0 ? job : keyOf(job, suffixes.get(n)!);
    if ((await whoseFileAt(backend, { feed: feed.name, files, name })) === 'mine')
      await takeFile(batch, { job, key, n, target, sha256 });
  }
}

/** The file of a content that was given up, if a late call has brought it there. The file of a withdrawn content goes by itself. */
function ownOfGivenUp({ facts }: IngestJob, { backend }: Batch, row: number): Name[] {
  const target = backend.read((reader) => (contentByRow(reader, row) ? undefined : ownNameOf(reader, row)));
  if (target === undefined || facts.sha256 === undefined) return [];
  return [{ row, n: 0, target, sha256: Buffer.from(facts.sha256, 'hex') }];
}

/** The rows of the discarded content are removed when its job ends. */
export const forgettingOutputs = (step: Step, content: number | undefined): Step => ({
  ...step,
  outcome: (tx, claimed) => {
    const outcome = typeof step.outcome === 'function' ? step.outcome(tx, claimed) : step.outcome;
    // If the content still has a row, it belongs to another job now.
    if (outcome.kind !== 'finish' || content === undefined || contentByRow(tx, content)) return outcome;
    forgetOutputs(tx, [content]);
    forgetNames(tx, [content]);
    return outcome;
  },
});

/** The name beside the file's own name in `failed/`. */
const keyOf = ({ id, path, inside }: IngestJob, suffix: string): WorkKey => ({
  id,
  inside,
  path: joinNames(folderOf(path), shortened(baseOf(path), suffix)),
});

/** Outputs without a name in the warehouse, or that were copied to it. */
export function removeUnmoved({ id }: IngestJob, { files }: Batch): void {
  inPlace('warehouse', files.roots.warehouse, 'write', () => {
    try {
      removeOutputs(files.warehouse.directory(TEMPORARY), id);
    } catch (error) {
      if (!(error instanceof LinuxError) || error.code !== 'ENOENT') throw error;
    }
  });
}
