/** Builds the resources of a stage for one batch of one feed, from those that its worker has for all batches. */

import type { Backend } from '../../../queue/backend.js';
import { PUBLISH } from '../../base/config/values/stage-names.js';
import type { ChildContext } from '../../base/process/context.js';
import { type ByteName, shownName } from '../../linux/index.js';
import { FeedFiles } from '../files/feed-files.js';
import type { Batch, ChainRunner, Feed, IngestJob } from '../stages/stage.js';
import type { Background } from './background.js';
import { BatchCalls, type Threads } from './batch-calls.js';
import type { Publishing } from './publishing.js';
import type { Sharing } from './sharing.js';

export interface Worker {
  backend: Backend;
  boot: string;
  background: Background;
  context: ChildContext;
  threads: Threads;
  chains: ChainRunner;
  sharing: Sharing;
  publishing: Publishing;
  /** See Batch. */
  isPaced: boolean;
}

export function openBatch(
  feed: Feed,
  { backend, boot, background, context, threads, chains, sharing, publishing, isPaced }: Worker,
): { batch: Batch; close: () => void } {
  const files = new FeedFiles(feed.roots);
  const worksOn = (job: IngestJob | undefined, place?: string): void =>
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
    calls: new BatchCalls(files, worksOn, isDraining, threads),
    chains,
    shared: () => sharing.ledgerAt(feed.options.sharedLedger!),
    // Another process may have no network to it.
    bucket: () => (context.stages.includes(PUBLISH) ? publishing.of(feed) : undefined),
    throttle: publishing.throttle,
    // Stages name a file by its path below the input, in bytes; log lines have the whole path.
    emit: (event, fields = {}) =>
      context.emit(event, 'path' in fields ? { ...fields, path: shownPath(feed, fields.path as ByteName) } : fields),
    worksOn,
  };
  return { batch, close: () => files.close() };
}

const shownPath = (feed: Feed, path: ByteName): string => `${feed.options.input}/${shownName(path)}`;
