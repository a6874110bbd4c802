/** Handles the jobs of a batch one by one, and gives each error its place. */

import { BelowMark, PlaceError, type PlaceKind } from '../../files/place-error.js';
import type { Act, Acts, Answer, No } from '../calls/order.js';
import { MountMissing } from '../files/feed-files.js';
import { BELOW_MARK, belowMark } from '../gates/room.js';
import type { IngestJob } from './job.js';
import { type Batch, defer, failed, type Handled, orderOf, type Step } from './stage.js';

const MOUNT_MISSING = 'mount_missing';
const MOUNT_MISSING_MS = 5_000;

/** Ends of a slice of synchronous work, so that beats, events and settlements go on. */
export const SLICE_MS = 8;

/**
 * Handles jobs one after the other, yielding between slices. An error of one job is that job's `retry`; a failing place
 * ends the loop, and the rest gets the same answer untried; where the process drains, the rest is given back.
 * Who has begun already (`isBegun`) is brought to its end in any case.
 * Each job is in hand while it is handled; with `place`, that place is, and no job (whose bytes are not looked at then); with '',
 * nothing is: another thread has it in hand.
 */
export async function eachJob(
  jobs: readonly IngestJob[],
  batch: Batch,
  handle: (job: IngestJob) => Step | Promise<Step>,
  place?: PlaceKind | '',
  isBegun?: (job: IngestJob) => boolean,
): Promise<Handled[]> {
  const handled: Handled[] = [];
  let sliceEnd = performance.now() + SLICE_MS;
  let failing: PlaceError | undefined;
  for (const job of jobs) {
    if (failing) {
      handled.push(failing);
      continue;
    }
    if (handled.length > 0 && !isBegun?.(job) && batch.draining?.()) {
      handled.push(defer(0, 'draining'));
      continue;
    }
    if (performance.now() > sliceEnd) {
      await new Promise(setImmediate);
      sliceEnd = performance.now() + SLICE_MS;
    }
    batch.hand(place === undefined ? job : undefined, place);
    const doing = attempt(job, batch, handle);
    const answer = doing instanceof Promise ? await doing : doing;
    if (answer instanceof PlaceError) failing = answer.untried();
    handled.push(answer);
  }
  batch.hand(undefined);
  return handled;
}

/**
 * What an order came to, job by job. Undefined where `judge` leaves a job to be handled by itself. `refused`: what an error means
 * that speaks of the job's own name. A failing place ends the order:
 * the rest gets the same answer untried; where the process drains, the rest is given back.
 */
export function judgeEach<T extends { kind: string }, S extends Step | undefined>(
  jobs: readonly IngestJob[],
  answers: readonly (T | No)[],
  batch: Batch,
  judge: (job: IngestJob, answer: T) => S,
  refused?: (job: IngestJob, error: unknown) => Step | undefined,
): (S | Handled)[] {
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

/** One file of any size, by a long act. Errors: those of the call, each of which means a step to `eachJob`. */
export async function askOne<A extends Act>(
  batch: Batch,
  act: A,
  file: Acts[A]['file'],
  job: IngestJob,
): Promise<Acts[A]['answer']> {
  const [answer] = await batch.calls.run(orderOf(batch, act, [file]), [job]);
  return answered<Acts[A]['answer']>(answer as Answer<A>);
}

/** Nobody can say what came of the file. */
class Unanswered extends Error {
  constructor(readonly step: Step) {
    super('a call on a file was not answered');
  }
}

function answered<T extends { kind: string }>(answer: T | No): T {
  const no = answer as No;
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

/** No promise where `handle` needs none: a thousand of them cost as much as a system call each. */
function attempt(
  job: IngestJob,
  batch: Batch,
  handle: (job: IngestJob) => Step | Promise<Step>,
): Handled | Promise<Handled> {
  try {
    const step = handle(job);
    return step instanceof Promise ? step.catch((error) => whyNot(job, batch, error)) : step;
  } catch (error) {
    return whyNot(job, batch, error);
  }
}

function whyNot(job: IngestJob, batch: Batch, error: unknown): Handled {
  if (error instanceof Unanswered) return error.step;
  if (error instanceof MountMissing) return withoutMount(job, batch, error);
  if (error instanceof BelowMark) return withoutRoom(job, batch, error);
  return error instanceof PlaceError ? error : failed(job, batch, error);
}

/** Not the file's fault, and not a place that the whole feed needs: it waits without an attempt, and is told once. */
function withoutMount(job: IngestJob, batch: Batch, { path, message }: MountMissing): Step {
  const isNew = job.claim.reason !== MOUNT_MISSING;
  return {
    ...defer(MOUNT_MISSING_MS, MOUNT_MISSING),
    told: () => {
      if (isNew)
        batch.emit('mount_missing', {
          feed: batch.feed.name,
          job: job.id,
          path: job.path,
          place: path,
          reason: message,
        });
    },
  };
}

/** It waits without an attempt; smaller ones go on. */
function withoutRoom(job: IngestJob, batch: Batch, error: BelowMark): Step {
  const isNew = job.claim.reason !== BELOW_MARK;
  const outcome = belowMark(job.claim, batch.feed.warehouse, error);
  return {
    outcome,
    told: () => {
      if (isNew && outcome.kind === 'defer')
        batch.emit('copy_waits', {
          ...{ feed: batch.feed.name, job: job.id, path: job.path, bytes: error.bytes },
          reason: `a copy of it would leave less free at ${batch.feed.warehouse} than --min-free-bytes`,
        });
    },
  };
}
