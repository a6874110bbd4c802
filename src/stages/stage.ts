/**
 * The shape that all four stages share: a batch of one feed's claimed jobs in, one step a job out.
 * A stage acts on files and answers; it never writes to the queue itself. What it answers is settled by src/stages/run.ts,
 * and `told` runs only after the commit: a log line never speaks of what did not happen.
 */
import type { Backend, Decision, Outcome, StageName } from '../../queue/backend.js';
import type { FeedOptions } from '../config/options.js';
import type { Entry } from '../files/directories.js';
import { type FeedFiles, MountMissing, type Roots } from '../files/feed-files.js';
import { errnoOf, inPlace, inPlaceAsync, PlaceError } from '../files/place-error.js';
import { type Opened, openEntry } from '../files/probe.js';
import { closeForPlace } from '../gates/episode.js';
import { behindTheOthers, neverFits } from '../gates/room.js';
import type { Now } from './completion.js';
import { type IngestJob, type JobFacts, payloadOf } from './job.js';

export interface Step {
  outcome: Decision;
  /** After the commit, with the outcome that it was settled with. */
  told?: (outcome: Outcome) => void;
}

export interface Feed {
  options: FeedOptions;
  roots: Roots;
}

export type Emit = (event: string, fields: Record<string, unknown>) => void;

/** What a stage has at hand for one batch of one feed. */
export interface Batch {
  readonly backend: Backend;
  readonly feed: FeedOptions;
  readonly files: FeedFiles;
  readonly boot: string;
  now(): Now;
  readonly emit: Emit;
  /** Whether what has not begun is to be given back. */
  draining?(): boolean;
  /** Says which job is in hand, and in which place: a crash is counted for it alone, and who hangs is known. */
  hand(job: IngestJob | undefined, place?: string): void;
}

export interface Stage {
  readonly name: StageName;
  /** Its batches are bounded by bytes too: it reads or copies its files. */
  readonly byBytes?: true;
  /** One step a job, in the order of `jobs`. A PlaceError ends the batch: the rest is neither tried nor blamed. */
  run(jobs: readonly IngestJob[], batch: Batch): Promise<Step[]>;
}

/** A writer that was met is asked for again after this, doubling up to a minute. */
export const WRITER_FIRST_MS = 250;
const WRITER_LONGEST_MS = 60_000;
export const writerMs = (refusals: number): number =>
  Math.min(WRITER_FIRST_MS * 2 ** Math.min(Math.max(refusals - 1, 0), 10), WRITER_LONGEST_MS);

/** What a job's handling came to: a step, or the place that failed. */
export type Handled = Step | PlaceError;

const MOUNT_MISSING = 'mount_missing';
const MOUNT_MISSING_MS = 5_000;

/** Ends of a slice of synchronous work, so that beats, events and settlements go on. */
export const SLICE_MS = 8;

/**
 * Handles jobs one after the other, yielding between slices. An error of one job is that job's `retry`; a failing place
 * ends the loop, and the rest gets the same answer untried; where the process drains, the rest is given back.
 */
export async function eachJob(
  jobs: readonly IngestJob[],
  batch: Batch,
  handle: (job: IngestJob) => Step | Promise<Step>,
): Promise<Handled[]> {
  const handled: Handled[] = [];
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
    const answer = await attempt(job, batch, handle);
    if (answer instanceof PlaceError) failing = answer.untried();
    handled.push(answer);
  }
  batch.hand(undefined);
  return handled;
}

async function attempt(
  job: IngestJob,
  batch: Batch,
  handle: (job: IngestJob) => Step | Promise<Step>,
): Promise<Handled> {
  batch.hand(job);
  try {
    const step = handle(job);
    return step instanceof Promise ? await step : step;
  } catch (error) {
    if (error instanceof MountMissing) return withoutMount(job, batch, error);
    return error instanceof PlaceError ? error : failed(job, batch, error);
  }
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

/** An error that speaks of this job only: it backs off and is tried again, and is held after the last attempt. */
export function failed(job: IngestJob, batch: Batch, error: unknown): Step {
  const code = errnoOf(error);
  const text = error instanceof Error ? error.message : String(error);
  if (code === undefined)
    batch.emit('bug', { job: job.id, path: job.path, error: error instanceof Error ? error.stack : text });
  return retry(code?.toLowerCase() ?? 'bug', text);
}

export const retry = (code: string, error: string, facts?: JobFacts): Step => ({
  outcome: { kind: 'retry', code, error, ...(facts && { payload: payloadOf(facts) }) },
});

export const hold = (code: string, reason: string, facts?: JobFacts): Step => ({
  outcome: { kind: 'hold', code, reason, ...(facts && { payload: payloadOf(facts) }) },
});

export const defer = (inMs: number, why: string, facts?: JobFacts, identity?: string): Step => ({
  outcome: {
    kind: 'defer',
    inMs,
    why,
    ...(facts && { payload: payloadOf(facts) }),
    ...(identity !== undefined && { identity }),
  },
});

/** The gate that a failing place closes, and the job is due as soon as it opens. */
export function blocked(stage: StageName, feed: string, error: PlaceError, emit: Emit): Step {
  let isNew = false;
  return {
    outcome: (tx, job) => {
      const hopeless = error.copy && neverFits(error, error.copy);
      if (hopeless) return hopeless;
      isNew = closeForPlace(tx, feed, stage, error);
      return error.copy ? behindTheOthers(job) : { kind: 'defer', inMs: 0, why: `place_${error.place}` };
    },
    told: () => {
      if (isNew) emit('gate_closed', { feed, stage, place: error.place, code: error.code, reason: error.message });
    },
  };
}

/**
 * The steps of a handled batch, after `sync` made durable what it did. Where the sync fails, nothing of the batch may be
 * committed as done: its place is failing, and each job finds its own files again by `locate`.
 */
export async function durably(
  stage: StageName,
  batch: Batch,
  handled: readonly Handled[],
  sync: () => Promise<void>,
): Promise<Step[]> {
  let failing: PlaceError | undefined;
  try {
    await inPlaceAsync('work', batch.files.roots.work, 'write', sync);
  } catch (error) {
    if (!(error instanceof PlaceError)) throw error;
    failing = error;
  }
  return handled.map((step) => {
    const error = failing ?? (step instanceof PlaceError ? step : undefined);
    return error ? blocked(stage, batch.feed.name, error, batch.emit) : (step as Step);
  });
}

/** As `openEntry`; where descriptors are out or the mount's server is gone, the place fails, and not the file. */
export const openIn = (place: 'input' | 'work', batch: Batch, entry: Entry): Opened =>
  inPlace(place, batch.files.roots[place], 'read', () => openEntry(entry));
