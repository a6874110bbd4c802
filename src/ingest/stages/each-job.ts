/** Handles the jobs of a batch one by one, and assigns each error to its job, its place or the batch. */

import { BelowMark, errnoOf, PlaceError } from '../../files/place-error.js';
import { shownName } from '../../linux/index.js';
import type { Act, Acts, Answer, NoAnswer, ToMove } from '../calls/order.js';
import { MountUnusable } from '../files/feed-files.js';
import { belowMark } from '../health/room-to-copy.js';
import { type Batch, defer, hold, type IngestJob, orderOf, retry, tell, type Verdict } from './stage.js';

export const MOUNT_MISSING = 'mount_missing';
const MOUNT_MISSING_MS = 5_000;

/** The length of a slice of synchronous work. Between slices, heartbeats, events and settlements run. */
export const SLICE_MS = 8;

/**
 * Handles jobs one after the other, yielding between slices. An error of one job is that job's `retry`. A failing place ends the
 * loop, and the other jobs get the same answer untried. Where the process drains, the other jobs are given back.
 * While a job is handled, it is noted as the current job, unless another thread notes it (`isNoted` is false).
 */
export async function eachJob(
  jobs: readonly IngestJob[],
  batch: Batch,
  handle: (job: IngestJob) => Verdict | Promise<Verdict>,
  isNoted = true,
): Promise<(Verdict | PlaceError)[]> {
  const handled: (Verdict | PlaceError)[] = [];
  let sliceEnd = performance.now() + SLICE_MS;
  let failing: PlaceError | undefined;
  for (const job of jobs) {
    if (failing) {
      handled.push(failing);
      continue;
    }
    if (handled.length > 0 && batch.draining?.()) {
      handled.push(defer(0, 'draining'));
      continue;
    }
    if (performance.now() > sliceEnd) {
      await new Promise(setImmediate);
      sliceEnd = performance.now() + SLICE_MS;
    }
    batch.worksOn(isNoted ? job : undefined);
    const doing = attempt(job, batch, handle);
    const answer = doing instanceof Promise ? await doing : doing;
    if (answer instanceof PlaceError) failing = answer.untried();
    handled.push(answer);
  }
  batch.worksOn(undefined);
  return handled;
}

/**
 * The verdicts from the answers of an order. A job for which `judge` returns undefined is left to the caller. `refused`: turns an error
 * about the job's own name into a verdict. A failing place ends the order: the other jobs get the same answer untried. Where the
 * process drains, they are given back.
 */
export function judgeEach<T extends { kind: string }, S extends Verdict | undefined>(
  jobs: readonly IngestJob[],
  answers: readonly (T | NoAnswer)[],
  batch: Batch,
  judge: (job: IngestJob, answer: T) => S,
  refused?: (job: IngestJob, error: unknown) => Verdict | undefined,
): (S | Verdict | PlaceError)[] {
  let failing: PlaceError | undefined;
  return jobs.map((job, i) => {
    const answer = answers[i]!;
    if (failing && answer.kind === 'stopped') return failing;
    try {
      return judge(job, answered<T>(answer));
    } catch (error) {
      const handled = refused?.(job, error) ?? whyNot(job, batch, error);
      if (handled instanceof PlaceError) failing = handled.untried();
      return handled;
    }
  });
}

/** Runs an act on one file by itself, of any size. Errors: those of the call; `eachJob` turns each into a verdict. */
export async function askOne<A extends Act>(
  batch: Batch,
  act: A,
  file: Acts[A]['file'],
  job: IngestJob,
): Promise<Acts[A]['answer']> {
  const [answer] = await batch.calls.run(orderOf(batch, act, [file]), [job]);
  return answered<Acts[A]['answer']>(answer as Answer<A>);
}

/** The result for the file is not known. */
class Unanswered extends Error {
  constructor(readonly verdict: Verdict) {
    super('a call on a file was not answered');
  }
}

function answered<T extends { kind: string }>(answer: T | NoAnswer): T {
  const no = answer as NoAnswer;
  switch (no.kind) {
    case 'failed':
      throw no.error;
    case 'stopped':
      throw new Unanswered(defer(0, 'draining'));
    case 'unknown':
      throw new Unanswered({ ...defer(0, 'look_again'), unanswered: true });
    case 'hangs':
      throw new Unanswered({ ...defer(0, 'look_again'), unanswered: true, hangs: no.back });
    default:
      return answer as T;
  }
}

/** Makes no promise where `handle` needs none: a thousand promises cost as much as a system call for each job. */
function attempt(
  job: IngestJob,
  batch: Batch,
  handle: (job: IngestJob) => Verdict | Promise<Verdict>,
): Verdict | PlaceError | Promise<Verdict | PlaceError> {
  try {
    const verdict = handle(job);
    return verdict instanceof Promise ? verdict.catch((error) => whyNot(job, batch, error)) : verdict;
  } catch (error) {
    return whyNot(job, batch, error);
  }
}

function whyNot(job: IngestJob, batch: Batch, error: unknown): Verdict | PlaceError {
  if (error instanceof Unanswered) return error.verdict;
  if (error instanceof MountUnusable) return withoutMount(job, batch, error);
  if (error instanceof BelowMark) return withoutRoom(job, batch, error);
  return error instanceof PlaceError ? error : failed(job, batch, error);
}

/** A file that waits without an attempt. `emit` logs why: once, however often it is tried again. */
export const waits = (job: IngestJob, { outcome }: Verdict, emit: () => void): Verdict => ({
  outcome,
  onSettled: () => {
    const isWait = typeof outcome === 'object' && outcome.kind === 'defer';
    if (isWait && job.claim.reason !== outcome.why) emit();
  },
});

/** Neither the file's fault nor a place of the whole feed. */
const withoutMount = (job: IngestJob, batch: Batch, { path, message }: MountUnusable): Verdict =>
  waits(job, defer(MOUNT_MISSING_MS, MOUNT_MISSING), () =>
    tell(batch, job, 'mount_missing', { place: path, reason: message }),
  );

/** Smaller files go on. */
const withoutRoom = (job: IngestJob, batch: Batch, error: BelowMark): Verdict =>
  waits(job, { outcome: belowMark(job.claim, batch.feed.warehouse, error) }, () => {
    const reason = `a copy of it would leave less free at ${batch.feed.warehouse} than --min-free-bytes`;
    tell(batch, job, 'copy_waits', { bytes: error.bytes, reason });
  });

const NO_SUCH_CALL = 'that filesystem cannot do this: use another one for the directory';
const NO_SUCH_NAME = 'that filesystem does not take the name: deliver the file under another one';

/** The next step for each errno that never heals. */
const NEVER_HEALS: Readonly<Record<string, string>> = {
  EACCES: 'give this user the permission',
  EPERM:
    'give this user the permission; if it has it, lsattr shows whether the file or its folder is immutable or append-only (chattr -i, chattr -a)',
  EXDEV:
    'no rename leads out of that folder: a project quota ends there (lsattr -p), or a subvolume; deliver the file elsewhere, or remove the project',
  EFBIG: 'that filesystem takes no file of this size: use another one for the directory, or send the file in parts',
  ENOTDIR: 'a file has the name of a folder on this path: move it away',
  EISDIR: 'a folder has the name of this file: move it away',
  ELOOP: 'a symlink is in the place of a folder or of the file: put the folder or the file itself there',
  ENAMETOOLONG: 'deliver the file under a shorter name or path',
  EINVAL: NO_SUCH_NAME,
  EILSEQ: NO_SUCH_NAME,
  EMLINK: 'that filesystem takes no more links there: use another one for the directory',
  ENOTSUP: NO_SUCH_CALL,
  ENOSYS: NO_SUCH_CALL,
  EOVERFLOW: NO_SUCH_CALL,
};

/** `text`: what failed, as a sentence without its end. */
export function byErrno(job: IngestJob, code: string, text: string): Verdict {
  return Object.hasOwn(NEVER_HEALS, code)
    ? hold('system_refuses', `${text}: ${NEVER_HEALS[code]}`, job.facts)
    : retry(code.toLowerCase(), text);
}

/** The verdict for an error that concerns this job only. A bug is logged with its stack, and tried again. */
export function failed(job: IngestJob, batch: Batch, error: unknown): Verdict {
  const code = errnoOf(error);
  const text = error instanceof Error ? error.message : String(error);
  if (code !== undefined) return byErrno(job, code, text);
  batch.emit('bug', { job: job.id, path: job.path, error: error instanceof Error ? error.stack : text });
  return retry('bug', text);
}

export const partOf = ({ facts }: Pick<IngestJob, 'facts'>): ToMove['part'] =>
  facts.sealed?.kind === 'copy' ? 'copy' : 'file';

export const sealedMissing = (job: IngestJob, { files }: Batch): Verdict =>
  hold(
    'sealed_file_missing',
    `the sealed file of job ${job.id} is no longer at ${files.work(job.inside).place!.path}/${shownName(files.workPath(job, partOf(job)))}`,
    job.facts,
  );
