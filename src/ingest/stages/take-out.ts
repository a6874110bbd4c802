/**
 * Takes files out of the warehouse again, into `failed/`, after their line was taken back: what an operator withdrew, and the outputs of
 * what was withdrawn or discarded (those that were not moved are removed).
 * Guarantees: only a file whose bytes were read, and that no other content has as its own; nothing is overwritten. A copy (where the warehouse is another filesystem) is
 * on disk before the file is removed. Doing it twice is safe.
 */

import type { Entry } from '../../files/directories.js';
import { DirtyDirectories } from '../../files/dirty.js';
import { baseOf, FAILED, folderOf, shortened } from '../../files/job-paths.js';
import { sameMount } from '../../files/mounts.js';
import type { RenameResult } from '../../files/moves.js';
import { inPlace, inPlaceAsync, unlessMissing } from '../../files/place-error.js';
import { type ByteName, joinNames, LinuxError, shownName, unlinkAt } from '../../linux/index.js';
import { removeOutputs } from '../calls/outputs.js';
import { forgetOutputs, processedOf } from '../chains/recorded-outputs.js';
import { whoseFileAt } from '../evidence/at-path.js';
import type { Case } from '../evidence/case.js';
import { type Name, outputNames, ownName } from '../evidence/names.js';
import { type FeedFiles, statEntry, type WorkKey } from '../files/feed-files.js';
import { bringOn, type Taker, take } from '../files/take.js';
import { type Content, contentByRow, placeOf, shownPlace } from '../ledger/content.js';
import { forgetNames, ownNameOf } from '../ledger/names.js';
import { giveBack } from '../publishing/keep-local.js';
import { putByBytes, TEMPORARY } from '../warehouse/target.js';
import { type Batch, defer, hold, type IngestJob, retry, tell, type Verdict } from './stage.js';

export async function takeOut(job: IngestJob, batch: Batch): Promise<Verdict> {
  const content = batch.backend.read((reader) => contentByRow(reader, job.facts.content ?? -1));
  if (!content?.target) {
    return retry(
      'not_the_carrier',
      `job ${job.id} withdraws no content that has a file: this is a bug, please report it`,
    );
  }
  const processed = batch.backend.read((reader) => processedOf(reader, content.row));
  const names = [ownName(content)!, ...outputNames(content.row, processed)];
  const bringBack = () => names.filter((name) => giveBack(batch.files, name, content));
  bringBack();
  const verdict = await allOut(job, batch, content);
  // `--keep-local` set a file aside while another was read, and keeps it where its content is withdrawn.
  return bringBack().length > 0 ? defer(0, 'look_again') : verdict;
}

async function allOut(job: IngestJob, batch: Batch, content: Content): Promise<Verdict> {
  const { leave } = job.facts.putAway!;
  if (leave === true) return outputsOut(job, batch, content);
  const path = await pathOf(job, batch, content);
  const taken =
    path === 'mine'
      ? await takeFile(batch, { job, key: job, n: 0, target: placeOf(content), sha256: content.sha256 })
      : 'taken';
  if (path === 'foreign' && !leave) {
    // Its own file is gone, so its outputs may go.
    await takeOutputs(job, batch, content.row);
    return different(job, batch, content);
  }
  if (taken === 'differs') return different(job, batch, content);
  // The file goes first: as long as it is there, its outputs are there.
  return outputsOut(job, batch, content);
}

async function outputsOut(job: IngestJob, batch: Batch, content: Content): Promise<Verdict> {
  await takeOutputs(job, batch, content.row);
  return takenOut(job, batch, content);
}

function pathOf(job: IngestJob, batch: Batch, content: Content): Promise<Case['path']> {
  const { backend, feed, files } = batch;
  const reading = () => batch.worksOn(job, 'warehouse');
  return whoseFileAt(backend, { feed: feed.name, files, name: ownName(content)!, reading });
}

const different = (job: IngestJob, batch: Batch, content: Content): Verdict =>
  hold(
    'withdrawn_file_differs',
    `${shownPlace(batch.feed.warehouse, placeOf(content))} must be taken out, but its bytes are not the stored ones`,
    job.facts,
  );

function takenOut(job: IngestJob, batch: Batch, content: Content): Verdict {
  const isKept = statEntry(batch.files.workEntry(job, 'file', FAILED)) !== undefined;
  const { by, note } = job.facts.putAway!;
  // Its objects go next.
  const isPublished = batch.feed.publish !== undefined;
  return {
    outcome: isPublished ? { kind: 'advance' } : { kind: 'finish', ending: 'withdrawn' },
    onSettled: () =>
      tell(batch, job, 'file_withdrawn', {
        warehouse_path: `${batch.feed.warehouse}/${shownName(placeOf(content))}`,
        sha256: content.sha256.toString('hex'),
        bytes: content.size,
        by,
        reason: note,
        kept: isKept,
      }),
  };
}

interface Taken {
  job: IngestJob;
  /** Gives its name in `failed/`. */
  key: WorkKey;
  /** 0: the job's own file; else the number of its output. */
  n: number;
  /** Below the warehouse. */
  target: ByteName;
  sha256: Buffer;
}

/** `differs`: it has other bytes, or another file has its name in `failed/`. Then it stays. */
async function takeFile(batch: Batch, { job, key, n, target, sha256 }: Taken): Promise<'taken' | 'differs'> {
  const entry = batch.files.entryOrNone(batch.files.warehouse, target);
  const stat = statEntry(entry);
  if (!entry || !stat) return 'taken'; // a consumer took it just now
  const work = batch.files.work(key.inside);
  const dirty = new DirtyDirectories();
  const source = { entry, stat, sha256, copy: { id: job.id, n, claimNo: job.claim.claimNo } };
  const to = batch.files.workPath(key, 'file', FAILED);
  const came = toFailed(batch.files, { ...key, claimNo: job.claim.claimNo }, entry);
  dirty.add(work, folderOf(to));
  const put =
    came === 'renamed'
      ? came
      : await inPlaceAsync('work', batch.files.roots.work, 'write', () => putByBytes(work, to, source, came));
  if (put === 'wrong_bytes' || put === 'taken') return 'differs';
  dirty.add(batch.files.warehouse, folderOf(target));
  // A rename had taken it out before a crash. The file that lies there now came later, from somebody else.
  const wasRenamed = put === 'there' && sameMount(work.rootFd, entry.dir);
  if (put !== 'renamed' && !wasRenamed) {
    await dirty.sync(); // the copy must be on disk before its source is removed
    unlinkAt(entry.dir, entry.name);
    dirty.add(batch.files.warehouse, folderOf(target));
  }
  await dirty.sync();
  return 'taken';
}

function toFailed(files: FeedFiles, job: Taker, from: Entry): RenameResult {
  try {
    take(files, job, { part: 'file', from, place: 'warehouse', folder: FAILED });
    return 'renamed';
  } catch (error) {
    const { code } = error as { code?: string };
    if (!(error instanceof LinuxError) || (code !== 'EEXIST' && code !== 'EXDEV')) throw error;
    return code === 'EEXIST' ? 'exists' : 'across';
  }
}

/** Puts into `failed/` what an earlier claim of the job took out and did not get there before it died. */
async function bringToFailed(batch: Batch, job: IngestJob): Promise<void> {
  const dirty = new DirtyDirectories();
  for (const { part, path } of bringOn(batch.files, job, FAILED))
    dirty.add(batch.files.work(job.inside), folderOf(batch.files.workPath({ ...job, path }, part, FAILED)));
  await dirty.sync();
}

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
export const forgettingOutputs = (verdict: Verdict, content: number | undefined): Verdict => ({
  ...verdict,
  outcome: (tx, claimed) => {
    const outcome = typeof verdict.outcome === 'function' ? verdict.outcome(tx, claimed) : verdict.outcome;
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
    unlessMissing(() => removeOutputs(files.warehouse.directory(TEMPORARY), id));
  });
}
