/** Builds the resources of a stage for one batch of one feed, from those that its worker has for all batches. */
import type { Backend, StageName } from '../../../queue/backend.js';
import type { ChildContext } from '../../base/process/context.js';
import { type ByteName, shownName } from '../../linux/index.js';
import { FeedFiles } from '../files/feed-files.js';
import { STAGES } from '../stages/index.js';
import type { IngestJob } from '../steps/job.js';
import type { Batch, ChainRunner, Feed, SharedAnswers } from '../steps/stage.js';
import type { Background } from './background.js';
import { BatchCalls, type Threads } from './batch-calls.js';

export interface Worker {
  backend: Backend;
  boot: string;
  background: Background;
  context: ChildContext;
  threads: Threads;
  chains: ChainRunner;
  shared: SharedAnswers | undefined;
  /** See Batch. */
  isPaced: boolean;
}

export function openBatch(
  feed: Feed,
  { backend, boot, background, context, threads, chains, shared, isPaced }: Worker,
): { batch: Batch; close: () => void } {
  const files = new FeedFiles(feed.roots);
  const hand = (job: IngestJob | undefined, place?: string): void =>
    background.hand(files, job || place ? { job: job?.id ?? null, place: place ?? '' } : undefined);
  const isDraining = (): boolean => context.drainSignal.aborted;
  const batch: Batch = {
    backend,
    feed: feed.options,
    files,
    boot,
    now: () => ({ ms: backend.nowMs(), boot }),
    draining: isDraining,
    isPaced,
    calls: new BatchCalls(files, hand, isDraining, threads),
    chains,
    shared,
    goesOn: goesOn(backend, feed.options.name, straightOn(context.stages, isPaced)),
    // Stages name a file by its path below the input, in bytes; log lines have the whole path.
    emit: (event, fields) =>
      context.emit(event, 'path' in fields ? { ...fields, path: shownPath(feed, fields.path as ByteName) } : fields),
    hand,
  };
  return { batch, close: () => files.close() };
}

/** The gates are read once. A gate that closes later stops the next batch. */
export function goesOn(backend: Pick<Backend, 'gates'>, feed: string, stages: ReadonlySet<StageName>): Batch['goesOn'] {
  const gates = backend.gates().filter((gate) => gate.feed === feed || gate.feed === '*');
  const closed = new Set(gates.map(({ stage }) => stage));
  return (stage) => stages.has(stage) && !closed.has(stage) && !closed.has('*');
}

/** Under a rate limit, the stages that read and copy have batches of their own, each with a second's bytes. */
const straightOn = (stages: readonly StageName[], isPaced: boolean): Set<StageName> =>
  new Set(isPaced ? stages.filter((name) => STAGES.some((stage) => stage.name === name && !stage.byBytes)) : stages);

const shownPath = (feed: Feed, path: ByteName): string => `${feed.options.input}/${shownName(path)}`;
