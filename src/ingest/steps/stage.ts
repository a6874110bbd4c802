/**
 * The shape that all stages share: a batch of one feed's claimed jobs in, one step a job out.
 * A stage acts on files and answers; it never writes to the queue itself. What it answers is settled by src/ingest/worker/run.ts,
 * and `told` runs only after the commit: a log line never speaks of what did not happen.
 */
import type { Advance, Amend, Around, Backend, Decision, Outcome, StageName } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import { errnoOf, inPlaceAsync, PlaceError, type PlaceKind } from '../../files/place-error.js';
import type { FileMessage } from '../../process/messages.js';
import type { Act, Acts, Answer, Order, Terms } from '../calls/order.js';
import type { FileEnd } from '../chains/child.js';
import type { FeedFiles, Roots } from '../files/feed-files.js';
import { closeForPlace } from '../gates/episode.js';
import { behindTheOthers, neverFits } from '../gates/room.js';
import type { AskedFile, Says } from '../outbox/claims.js';
import type { Now } from '../rules/completion.js';
import { type JobFacts, payloadOf } from '../rules/facts.js';
import type { IngestJob } from './job.js';

export interface Step {
  outcome: Decision;
  /** After the commit, with the outcome that it was settled with. */
  told?: (outcome: Outcome) => void;
  /** A thread hangs at its file, or at another one of its order: nobody can say what was done to this one. */
  unanswered?: true;
  /** A thread hangs at its file until then: the job stays claimed, and `outcome` is what it is settled with afterwards. */
  hangs?: Promise<void>;
  /** The stage that the job passed before in the same claim; `outcome` is what the stage behind it says. */
  passed?: Passed;
}

/** A step that leads to the next stage, and nothing has to be settled in between. */
export interface Passed {
  outcome: Advance;
  told?: () => void;
}

/** Carries out orders: in a thread of this process. */
export interface Calls {
  /** One answer a file. `jobs`: each is in hand with its file. */
  run<A extends Act>(order: Order<A>, jobs?: readonly IngestJob[]): Promise<Answer<A>[]>;
}

/** Takes files through the chains of their feeds. */
export interface ChainRunner {
  run(feed: FeedOptions, file: FileMessage, isSuspect: boolean): Promise<FileEnd>;
}

/** Which host has a content: asked of the ledger that hosts share. */
export interface SharedAnswers {
  /** Answers each at its place; a string is the reason why the ledger refuses that one. Errors: PlaceError `ledger`. */
  ask(feed: FeedOptions, files: readonly AskedFile[]): Promise<(Says | string)[]>;
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
  /** Reading and copying is bounded: each file in its turn. */
  readonly isPaced?: boolean;
  readonly calls: Calls;
  readonly chains: ChainRunner;
  /** Where this host shares its ledger. */
  readonly shared?: SharedAnswers | undefined;
  /**
   * Whether this process goes on with its jobs in that stage, in the same claim: it runs it, and no gate of this feed is closed
   * there. Each file is as safe as if both were settled one after the other: nothing that the first stage did is taken for done
   * before the commit, and each call finds its file wherever a crash has left it.
   */
  goesOn(stage: StageName): boolean;
  /** Says which job is in hand, and in which place: a crash is counted for it alone, and who hangs is known. */
  hand(job: IngestJob | undefined, place?: string): void;
}

export interface Stage {
  readonly name: StageName;
  /** Which it cannot do without. */
  readonly places: readonly PlaceKind[];
  /** Its batches are bounded by bytes too: it reads or copies its files. */
  readonly byBytes?: true;
  /** Of files that may take hours each, nobody waits for another one's settlement. */
  readonly batchMax?: number;
  /** A PlaceError ends the batch: the rest is neither tried nor blamed. */
  run(jobs: readonly IngestJob[], batch: Batch): Promise<Judged>;
}

export interface Judged {
  /** One a job, in the order of the jobs. */
  steps: Step[];
  /** What is written in the transaction that settles the batch, beside its jobs. */
  around?: Around | undefined;
}

/** A writer that was met is asked for again after this, doubling up to a minute. */
export const WRITER_FIRST_MS = 250;
const WRITER_LONGEST_MS = 60_000;
export const writerMs = (refusals: number): number =>
  Math.min(WRITER_FIRST_MS * 2 ** Math.min(Math.max(refusals - 1, 0), 10), WRITER_LONGEST_MS);

/** What a job's handling came to: a step, or the place that failed. */
export type Handled = Step | PlaceError;

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

export const hold = (code: string, reason: string, facts?: JobFacts, seen?: SeenNow): Step => ({
  outcome: { kind: 'hold', code, reason, ...(facts && { payload: payloadOf(facts) }), ...seen },
});

/** How the file was seen, where it may have changed since its job was made: a growing file is told with its size. */
export type SeenNow = Pick<Amend, 'identity' | 'bytes'>;

export const defer = (inMs: number, why: string, facts?: JobFacts, seen?: SeenNow): Step => ({
  outcome: { kind: 'defer', inMs, why, ...(facts && { payload: payloadOf(facts) }), ...seen },
});

/** The gate that a failing place closes, and the job is due as soon as it opens. `facts`: what was found out of its file before. */
export function blocked(stage: StageName, feed: string, error: PlaceError, emit: Emit, facts?: JobFacts): Step {
  let isNew = false;
  return {
    outcome: (tx, job) => {
      const hopeless = error.copy && neverFits(error, error.copy);
      if (hopeless) return hopeless;
      isNew = closeForPlace(tx, feed, stage, error);
      if (error.copy) return behindTheOthers(job);
      return { kind: 'defer', inMs: 0, why: `place_${error.place}`, ...(facts && { payload: payloadOf(facts) }) };
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

export const termsOf = ({ feed, boot }: Batch): Terms => ({ feed, boot });

/** `more`: what the act needs besides. */
export const orderOf = <A extends Act>(
  batch: Batch,
  act: A,
  files: Order<A>['files'],
  more?: Omit<Acts[A]['terms'], keyof Terms>,
): Order<A> => ({ act, roots: batch.files.roots, terms: { ...termsOf(batch), ...more } as Acts[A]['terms'], files });
