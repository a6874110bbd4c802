/**
 * Takes the outputs of a line that is taken back out of the warehouse: moved outputs go to `failed/`, the others are removed.
 * Guarantees: takes only a file whose bytes were read, and that no other content has recorded as its own.
 */
import type { FeedOptions } from '../../base/config/options.js';
import { inPlace, inPlaceAsync } from '../../files/place-error.js';
import { type ByteName, LinuxError, nameOfBytes } from '../../linux/index.js';
import { removeOutputs } from '../calls/outputs.js';
import type { WorkKey } from '../files/feed-files.js';
import { contentByRow, generationsOf } from '../ledger/content.js';
import { forgetOutputs, type Output, outputsAt, processedOf } from '../outputs/recorded.js';
import type { IngestJob } from '../steps/job.js';
import type { Batch, Step } from '../steps/stage.js';
import { dropReservation, reservedFor } from '../warehouse/reserve.js';
import { contentAt, TEMPORARY } from '../warehouse/target.js';
import { takeFile } from './take-file.js';

/** `content`: the row of the ledger, also of a content that was given up. Errors: PlaceError. */
export async function takeOutputs(job: IngestJob, batch: Batch, content: number): Promise<void> {
  inPlace('warehouse', batch.files.roots.warehouse, 'write', () => removeUnmoved(job, batch));
  const processed = batch.backend.read((reader) => processedOf(reader, content));
  for (const output of processed?.outputs ?? []) {
    if (output.target === null) continue;
    const target = nameOfBytes(output.target);
    if (await isIts(batch, { ...output, content }, target))
      await takeFile(batch, { job, key: keyOf(job, output), target, sha256: output.sha256 });
  }
}

/** The rows of the discarded content are removed when its job ends. */
export const forgettingOutputs = (step: Step, content: number | undefined): Step => ({
  ...step,
  outcome: (tx, claimed) => {
    const outcome = typeof step.outcome === 'function' ? step.outcome(tx, claimed) : step.outcome;
    // If the content still has a row, it belongs to another job now.
    if (outcome.kind !== 'finish' || content === undefined || contentByRow(tx, content)) return outcome;
    forgetOutputs(tx, [content]);
    dropReservation(tx, content);
    return outcome;
  },
});

/** The name beside the file's own name in `failed/`. */
const keyOf = ({ id, path, inside }: IngestJob, { suffix }: Output): WorkKey => ({
  id,
  inside,
  path: `${path}${suffix}` as ByteName,
});

function removeUnmoved({ id }: IngestJob, { files }: Batch): void {
  try {
    removeOutputs(files.warehouse.directory(TEMPORARY), id);
  } catch (error) {
    if (!(error instanceof LinuxError) || error.code !== 'ENOENT') throw error;
  }
}

async function isIts(batch: Batch, output: Output & { content: number }, target: ByteName): Promise<boolean> {
  const { backend, feed, files } = batch;
  const holder = backend.read((reader) => reservedFor(reader, feed.warehouse, target));
  if (holder !== undefined && holder !== output.content) return false;
  const entry = files.entryOrNone(files.warehouse, target);
  const lies = entry && (await inPlaceAsync('warehouse', files.roots.warehouse, 'read', () => contentAt(entry)));
  return lies?.equals(output.sha256) === true && !isAnothers(batch, output, target);
}

/** True where a consumer took our output, and another content brought the same bytes under this name later. */
function isAnothers({ backend }: Batch, { content, sha256 }: Output & { content: number }, target: ByteName): boolean {
  return backend.read((reader) => {
    const feeds = backend.feeds().map(({ options }) => options as unknown as FeedOptions);
    const files = feeds
      .flatMap(({ name }) => generationsOf(reader, name, sha256))
      .filter((one) => one.target !== null && nameOfBytes(one.target) === target && one.note !== 'withdrawn');
    const later = outputsAt(reader, target, sha256).filter((row) => row > content);
    return files.length > 0 || later.some((row) => contentByRow(reader, row)?.note !== 'withdrawn');
  });
}
