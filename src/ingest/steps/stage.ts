/**
 * The common shape of all stages: a batch of one feed's claimed jobs goes in, one step for each job comes out.
 * A stage acts on files and returns steps; it never writes to the queue itself. src/ingest/worker/run.ts settles the steps.
 * Guarantees: `onSettled` runs only after the commit, so no log line reports something that did not happen.
 */
import type { Advance, Amend, Around, Backend, Decision, Outcome, StageName } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import { errnoOf, inPlaceAsync, PlaceError, type PlaceKind } from '../../files/place-error.js';
import type { FileMessage } from '../../process/messages.js';
import type { Act, Acts, Answer, Order, Terms } from '../calls/order.js';
import type { FileEnd } from '../chains/child.js';
import type { FeedFiles, Roots } from '../files/feed-files.js';
import { closeForPlace } from '../gates/episode.js';
import { afterTheOthers, neverFits } from '../gates/room.js';
import type { AskedFile, Says } from '../outbox/claims.js';
import type { Now } from '../rules/completion.js';
import { type JobFacts, payloadOf } from '../rules/facts.js';
import type { IngestJob } from './job.js';

export interface Step {
  outcome: Decision;
  /** Called after the commit, with the outcome that was settled. */
  onSettled?: (outcome: Outcome) => void;
  /** A thread hangs at this file, or at another file of the same order: nobody knows what was done to this one. */
  unanswered?: true;
  /** A thread hangs at this file until then. The job stays claimed, and is settled with `outcome` afterwards. */
  hangs?: Promise<void>;
  /** The stage that the job passed earlier in the same claim. `outcome` belongs to the stage after it. */
  passed?: Passed;
}

/** A step that leads to the next stage without a settlement in between. */
export interface Passed {
  outcome: Advance;
  onSettled?: () => void;
}

/** Carries out orders in a thread of this process. */
export interface Calls {
  /** Returns one answer for each file. `jobs`: each is noted as the current job while its file is handled. */
  run<A extends Act>(order: Order<A>, jobs?: readonly IngestJob[]): Promise<Answer<A>[]>;
}

/** Takes files through the chains of their feeds. */
export interface ChainRunner {
  run(feed: FeedOptions, file: FileMessage, isSuspect: boolean): Promise<FileEnd>;
}

/** Asks the shared ledger which host has a content. */
export interface SharedAnswers {
  /** Returns one answer for each file; a string says why the ledger refuses that file. Errors: PlaceError `ledger`. */
  ask(feed: FeedOptions, files: readonly AskedFile[]): Promise<(Says | string)[]>;
}

export interface Feed {
  options: FeedOptions;
  roots: Roots;
}

export type Emit = (event: string, fields: Record<string, unknown>) => void;

/** The resources of a stage for one batch of one feed. */
export interface Batch {
  readonly backend: Backend;
  readonly feed: FeedOptions;
  readonly files: FeedFiles;
  readonly boot: string;
  now(): Now;
  readonly emit: Emit;
  /** True where files that have not begun are to be given back. */
  draining?(): boolean;
  /** True where reading and copying has a rate limit, so that each file waits for its turn. */
  readonly isPaced?: boolean;
  readonly calls: Calls;
  readonly chains: ChainRunner;
  /** Only where this host shares its ledger. */
  readonly shared?: SharedAnswers | undefined;
  /**
   * True where this process may go straight on into that stage: it runs that stage, and no gate of this feed was closed there when the
   * batch was opened. Under a rate limit it is false for a stage that reads or copies. `hash` and `move` then follow in the same claim;
   * for `manifest` it means that targets and lines may be planned ahead. Each file is as safe as with two settlements: nothing that
   * the first stage did counts before the commit, and each call finds its file wherever a crash has left it.
   */
  goesOn(stage: StageName): boolean;
  /** Notes the current job and place, so that a crash counts for this job alone, and a hang can be reported. */
  hand(job: IngestJob | undefined, place?: string): void;
}

export interface Stage {
  readonly name: StageName;
  /** The places without which it cannot work. */
  readonly places: readonly PlaceKind[];
  /** Its batches are also bounded by bytes: it reads or copies its files. */
  readonly byBytes?: true;
  /** For a stage whose files may take hours each: a small batch, so that no file waits for another one's settlement. */
  readonly batchMax?: number;
  /**
   * A PlaceError ends the batch: the other jobs are neither tried nor blamed. A job whose end is decided (`putAway`) never arrives
   * here: src/ingest/worker/run.ts gives it to `finishDecided`.
   */
  run(jobs: readonly IngestJob[], batch: Batch): Promise<Judged>;
}

export interface Judged {
  /** One step for each job, in the order of the jobs. */
  steps: Step[];
  /** Writes that belong to the settling transaction, in addition to the jobs. */
  around?: Around | undefined;
}

/** The delay after which a writer is asked for again. It doubles up to a minute. */
export const WRITER_FIRST_MS = 250;
const WRITER_LONGEST_MS = 60_000;
export const writerMs = (refusals: number): number =>
  Math.min(WRITER_FIRST_MS * 2 ** Math.min(Math.max(refusals - 1, 0), 10), WRITER_LONGEST_MS);

/** The result for one job: a step, or the place that failed. */
export type Handled = Step | PlaceError;

/** An error that concerns this job only: it backs off and is tried again, and is held after the last attempt. */
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

export const hold = (code: string, reason: string, facts?: JobFacts, seen?: SeenNow): Step => ({
  outcome: { kind: 'hold', code, reason, ...(facts && { payload: payloadOf(facts) }), ...seen },
});

/** The file as it was last seen, if it may have changed since its job was made: so a growing file is shown with its size. */
export type SeenNow = Pick<Amend, 'identity' | 'bytes'>;

export const defer = (inMs: number, why: string, facts?: JobFacts, seen?: SeenNow): Step => ({
  outcome: { kind: 'defer', inMs, why, ...(facts && { payload: payloadOf(facts) }), ...seen },
});

/** Closes the gate of a failing place; the job is due as soon as the gate opens. `facts`: what was found about its file before. */
export function blocked(stage: StageName, feed: string, error: PlaceError, emit: Emit, facts?: JobFacts): Step {
  let isNew = false;
  return {
    outcome: (tx, job) => {
      const hopeless = error.copy && neverFits(error, error.copy);
      if (hopeless) return hopeless;
      isNew = closeForPlace(tx, feed, stage, error);
      if (error.copy) return afterTheOthers(job);
      return { kind: 'defer', inMs: 0, why: `place_${error.place}`, ...(facts && { payload: payloadOf(facts) }) };
    },
    onSettled: () => {
      if (isNew) emit('gate_closed', { feed, stage, place: error.place, code: error.code, reason: error.message });
    },
  };
}

/**
 * The steps of a handled batch, after `sync` has made its work durable. If the sync fails, nothing of the batch may be committed as
 * done: the place is failing, and each job finds its files again at its next try.
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

export const termsOf = ({ feed, boot }: Batch): Terms => ({ feed, boot });

/** `more`: the additional terms of the act. */
export const orderOf = <A extends Act>(
  batch: Batch,
  act: A,
  files: Order<A>['files'],
  more?: Omit<Acts[A]['terms'], keyof Terms>,
): Order<A> => ({ act, roots: batch.files.roots, terms: { ...termsOf(batch), ...more } as Acts[A]['terms'], files });
