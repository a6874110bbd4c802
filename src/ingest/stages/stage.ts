/**
 * The common shape of all stages: a batch of one feed's claimed jobs goes in, one verdict for each job comes out.
 * A stage acts on files and returns verdicts; it never writes to the queue itself. src/ingest/worker/run.ts settles the verdicts.
 * Guarantees: `onSettled` runs only after the commit, so no log line reports something that did not happen.
 */
import type { Also, Amend, Backend, ClaimedJob, Decision, Outcome, StageName } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { Emit, Fields } from '../../base/telemetry/emit.js';
import type { DirtyDirectories } from '../../files/dirty.js';
import { PlaceError, type PlaceKind } from '../../files/place-error.js';
import type { ByteName } from '../../linux/names.js';
import type { FileMessage } from '../../process/messages.js';
import type { Act, Answer, Order } from '../calls/order.js';
import type { ChainEnd } from '../chains/chains.js';
import type { FeedFiles, Roots } from '../files/feed-files.js';
import { closeForPlace } from '../health/episode.js';
import { afterTheOthers, neverFits } from '../health/room-to-copy.js';
import { type Content, contentsByRow } from '../ledger/content.js';
import { lookAgain } from '../ledger/publications.js';
import type { FeedBucket } from '../publishing/feed-bucket.js';
import type { ToPublish } from '../publishing/object.js';
import type { Now } from '../rules/completion.js';
import { factsOf, type JobFacts, payloadOf } from '../rules/facts.js';
import type { Reasons } from '../rules/reasons.js';
import type { SharedLedger } from '../sharing/shared-ledger.js';

/** A claimed job with its facts. */
export interface IngestJob {
  readonly id: string;
  readonly key: Buffer;
  readonly path: ByteName;
  readonly inside: ByteName;
  readonly claim: ClaimedJob;
  readonly facts: JobFacts;
}

export function ingestJob(claim: ClaimedJob): IngestJob {
  const facts = factsOf(claim);
  return {
    id: claim.id,
    key: claim.key,
    path: claim.key.toString('latin1') as ByteName,
    inside: (facts.inside ?? '') as ByteName,
    claim,
    facts,
  };
}

export interface Verdict {
  outcome: Decision;
  /** Called after the commit, with the outcome that was settled. */
  onSettled?: (outcome: Outcome) => void;
  /** A thread hangs at this file, or at another file of the same order: nobody knows what was done to this one. */
  unanswered?: true;
  /** A thread hangs at this file until then. The job stays claimed, and is settled with `outcome` afterwards. */
  hangs?: Promise<void>;
}

/** Carries out orders in a thread of this process. */
export interface Calls {
  /** Returns one answer for each file. `jobs`: each is noted as the current job while its file is handled. */
  run<A extends Act>(order: Order<A>, jobs?: readonly IngestJob[]): Promise<Answer<A>[]>;
}

/** Takes files through the chains of their feeds. */
export interface ChainRunner {
  run(feed: FeedOptions, file: FileMessage, isAlone: boolean): Promise<ChainEnd>;
}

export interface Feed {
  options: FeedOptions;
  roots: Roots;
}

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
  /** The ledger that hosts share, of a feed with `--shared-ledger`. */
  shared(): SharedLedger;
  /** Undefined for a feed that publishes nothing, and in a process without that stage. */
  bucket(): FeedBucket | undefined;
  /** The rate limit, for bytes that no thread reads. */
  throttle(): ToPublish['throttle'];
  /** Notes the current job and place, so that a crash counts for this job alone, and a hang can be reported. */
  worksOn(job: IngestJob | undefined, place?: string): void;
}

export interface Stage {
  readonly name: StageName;
  /** The places without which it cannot work. */
  readonly places: readonly PlaceKind[];
  /** It works on the content that its job carries: every stage after hash. A job without one never arrives there. */
  readonly ofContent?: true;
  /** For which its files wait, in addition to those of every stage. */
  readonly reasons?: Reasons;
  /** Its batches are also bounded by bytes: it reads or copies its files. */
  readonly byBytes?: true;
  /** For a stage whose files may take hours each: a small batch, so that no file waits for another one's settlement. */
  readonly batchMax?: number;
  /** For a stage that has its files in memory: fewer bytes than other stages by bytes. */
  readonly batchBytesMax?: number;
  /** Its jobs wait for more than this machine: a stage before it writes them as ready, and keeps no claim for it. */
  readonly isSlow?: true;
  /**
   * A PlaceError ends the batch: the other jobs are neither tried nor blamed. A job whose end is decided (`putAway`) never arrives
   * here: src/ingest/worker/run.ts gives it to `finishDecided`.
   */
  run(jobs: readonly IngestJob[], batch: Batch, contents: Contents): Promise<Verdicts>;
}

/** The content of each job, for a stage that is `ofContent`. Nobody takes it away while the job is claimed, but others may confirm its line. */
export type Contents = ReadonlyMap<IngestJob, Content>;

/** Read in one short transaction: a read for each job would cost as much as the move itself. A job without a row is left out. */
export function contentsOf(jobs: readonly IngestJob[], batch: Batch): Map<IngestJob, Content> {
  const rows = jobs.flatMap(({ facts }) => facts.content ?? []);
  const contents = batch.backend.read((reader) => contentsByRow(reader, rows));
  return new Map(
    jobs.flatMap((job) => {
      const content = contents.get(job.facts.content ?? -1);
      return content ? [[job, content] as const] : [];
    }),
  );
}

export interface Verdicts {
  /** One verdict for each job, in the order of the jobs. */
  verdicts: Verdict[];
  /** Writes that belong to the settling transaction, in addition to the jobs. */
  also?: Also;
}

/** Emits an event about a job. */
export const tell = ({ feed, emit }: Batch, { id, path }: IngestJob, event: string, fields: Fields = {}): void =>
  emit(event, { feed: feed.name, job: id, path, ...fields });

/** The delay after which a writer is asked for again. It doubles up to a minute. */
const WRITER_FIRST_MS = 250;
const WRITER_LONGEST_MS = 60_000;
export const writerMs = (refusals: number): number =>
  Math.min(WRITER_FIRST_MS * 2 ** Math.min(Math.max(refusals - 1, 0), 10), WRITER_LONGEST_MS);

export const retry = (code: string, error: string, facts?: JobFacts): Verdict => ({
  outcome: { kind: 'retry', code, error, ...(facts && { payload: payloadOf(facts) }) },
});

export const hold = (code: string, reason: string, facts?: JobFacts): Verdict => ({
  outcome: { kind: 'hold', code, reason, ...(facts && { payload: payloadOf(facts) }) },
});

/** The file as it was last seen, if it may have changed since its job was made: so a growing file is shown with its size. */
export type SeenNow = Pick<Amend, 'identity' | 'bytes'>;

/** `why`: a code of the catalogue of reasons. */
export const defer = (inMs: number, why: string, facts?: JobFacts, seen?: SeenNow): Verdict => ({
  outcome: { kind: 'defer', inMs, why, ...(facts && { payload: payloadOf(facts) }), ...seen },
});

/** The delay of a job that waits for the same reason again: longer each time, without an attempt. */
export function longerMs({ claim }: IngestJob, why: string, firstMs: number, longestMs: number): number {
  const last = claim.trail.at(-1);
  const before = last?.why === why ? last.count : 0;
  return Math.min(firstMs * 2 ** Math.min(before, 10), longestMs);
}

/** The same verdict, which also sets or empties the flag `interrupted` of its job. */
export function interruptedIs<S extends Verdict>(interrupted: boolean, verdict: S): S {
  const { outcome } = verdict;
  const decide: Decision =
    typeof outcome === 'function' ? (tx, job) => ({ ...outcome(tx, job), interrupted }) : { ...outcome, interrupted };
  return { ...verdict, outcome: decide };
}

/**
 * The verdict of a job that passes the bucket by, because its batch has options without one. The feed may have one by now, whose round
 * passed the content while this job had it.
 */
export function withoutBucket(verdict: Verdict, { feed }: Batch, { facts: { content } }: IngestJob): Verdict {
  if (feed.publish !== undefined || content === undefined) return verdict;
  const { outcome } = verdict;
  return {
    ...verdict,
    outcome: (tx, job) => {
      lookAgain(tx, feed.name, [content]);
      return typeof outcome === 'function' ? outcome(tx, job) : outcome;
    },
  };
}

/** Closes the gate of a failing place; the job is due as soon as the gate opens. */
export function blocked(stage: StageName, feed: string, error: PlaceError, emit: Emit): Verdict {
  let isNew = false;
  return {
    outcome: (tx, job) => {
      const hopeless = error.copy && neverFits(error, error.copy);
      if (hopeless) return hopeless;
      isNew = closeForPlace(tx, feed, stage, error);
      if (error.copy) return afterTheOthers(job, error.copy);
      return { kind: 'defer', inMs: 0, why: `place_${error.place}` };
    },
    onSettled: () => {
      if (isNew) emit('gate_closed', { feed, stage, place: error.place, code: error.code, reason: error.message });
    },
  };
}

/** A verdict for each file of a handled batch. */
export const verdictsOf = (
  stage: StageName,
  { feed, emit }: Batch,
  handled: readonly (Verdict | PlaceError)[],
): Verdict[] => handled.map((end) => (end instanceof PlaceError ? blocked(stage, feed.name, end, emit) : end));

/**
 * The verdicts of a handled batch, after its directories are on disk. If that fails, nothing of the batch may be committed as
 * done: the place is failing, and each job finds its files again at its next try.
 */
export async function durably(
  stage: StageName,
  batch: Batch,
  handled: readonly (Verdict | PlaceError)[],
  dirty: DirtyDirectories,
): Promise<Verdict[]> {
  let failing: PlaceError | undefined;
  try {
    await dirty.sync();
  } catch (error) {
    if (!(error instanceof PlaceError)) throw error;
    failing = error;
  }
  return handled.map((verdict) => {
    if (verdict instanceof PlaceError) return blocked(stage, batch.feed.name, failing ?? verdict, batch.emit);
    // A job whose call may come back at any time keeps its own verdict, which commits nothing as done.
    return failing && !verdict.unanswered ? blocked(stage, batch.feed.name, failing, batch.emit) : verdict;
  });
}

export const orderOf = <A extends Act>(batch: Batch, act: A, files: Order<A>['files']): Order<A> => ({
  act,
  roots: batch.files.roots,
  terms: { feed: batch.feed, boot: batch.boot },
  files,
});
