/**
 * The role `worker`: claims jobs of its stages, gives each batch to its stage, settles the steps, logs the results.
 * Timers beside that: heartbeats, rescue of dead owners' jobs, probes of failing places, the reaper.
 * Does not: know the work of a stage.
 */
import type { Backend, ClaimedJob } from '../../../queue/backend.js';
import { limits, type Run, spareSpot } from '../../../queue/index.js';
import type { ChildContext } from '../../base/process/context.js';
import { errnoOf, PlaceError } from '../../files/place-error.js';
import { bootId } from '../../linux/index.js';
import { Chains } from '../chains/chains.js';
import { finishDecided } from '../ends/decided.js';
import { asOperators, openState } from '../ledger/open-state.js';
import { enterService, leaveService } from '../ledger/services.js';
import { sharedLedgerOf } from '../shared-ledger/open.js';
import { STAGES } from '../stages/index.js';
import { type IngestJob, ingestJob } from '../steps/job.js';
import { type Batch, blocked, defer, type Feed, type Judged, type Stage, type Step } from '../steps/stage.js';
import { CallThreads, type ThreadsParts } from '../threads/threads.js';
import { refuseLostState } from '../upkeep/check-manifests.js';
import { checkFeeds } from '../upkeep/enter.js';
import { notingArrivals } from './arrivals.js';
import { Background } from './background.js';
import { settlementOf } from './batch-calls.js';
import { Dispatchers } from './dispatchers.js';
import { Feeds } from './feeds.js';
import { logSettled } from './log-settled.js';
import { openBatch, type Worker } from './open-batch.js';

/** A job of a feed that no producer has recorded (yet) is tried again after this time. */
const UNKNOWN_FEED_MS = 5_000;

export async function runWorker(context: ChildContext): Promise<void> {
  const { statePath, maxAttempts, stallSeconds, once, maxBytesPerSecond: bound } = context.config.service;
  const title = `worker ${context.stages.join(' ')}`;
  const { feeds: given } = context.config;
  await refuseLostState(statePath, given);
  // A worker without feeds makes no state: if the state is missing, that is an error.
  const backend = await openState({ statePath, title, maxAttempts, create: given.length > 0 });
  const feeds = new Feeds(backend, statePath, context.emit);
  const onError = errorHandler(context);
  const shared = sharedLedgerOf(backend, context);
  const background: Background = new Background({
    backend,
    statePath,
    feeds,
    shared,
    emit: context.emit,
    stallMs: stallSeconds * 1_000,
    onFatal: context.fail,
    checkThreads: () => threads.check(),
  });
  let tooManyHang = (): void => {};
  const lost = new Promise<void>((resolve) => (tooManyHang = resolve));
  const threads = threadsOf(context, backend, (hung) => {
    background.hung(hung).catch(onError);
    if (threads.hanging > threads.parts.most) tooManyHang();
  });
  const chains = new Chains(threads.parts.most, (feed, job, text) =>
    context.emit('process_printed', { feed, job, text }),
  );
  try {
    context.report({ kind: 'ready', owner: backend.owner, ownersPath: `${statePath}.owners` });
    context.drainSignal.addEventListener('abort', () => threads.drain(), { once: true });
    context.onStop(() => noteNothing(backend));
    background.startHeartbeats();
    threads.start();
    await checkFeeds(backend, statePath, given);
    for (const feed of given) await backend.putFeed(feed.name, { ...feed });
    const worker: Worker = {
      backend,
      boot: bootId(),
      background,
      context,
      isPaced: bound > 0,
      chains,
      shared,
      threads: { all: threads, failed: onError },
    };
    const dispatchers: Dispatchers = new Dispatchers(worker, (stage) =>
      runnerOf(stage, feeds, worker, (feed) => dispatchers.met(feed.options)),
    );
    for (const name of feeds.names()) dispatchers.met((await feeds.get(name))?.options ?? {});
    background.start();
    if (!once) await enterService(backend, title);
    dispatchers.start();
    await Promise.race([context.drained, lost]);
    await dispatchers.stop();
    await shared?.leave();
    if (!once) await leaveService(backend);
  } catch (error) {
    throw asOperators(error);
  } finally {
    background.stop();
    await threads.close();
    chains.close();
    feeds.close();
    await shared?.close();
    // While a call hangs, its job stays with this process. The kernel frees the process's lock when it has really ended.
    if (threads.hanging === 0) await backend.close();
  }
}

/** A process that is stopped on purpose has no current job, so no job gets a crash counted. */
function noteNothing(backend: Backend): void {
  backend.beat({ job: null, place: '' });
  backend.clearThreadSlots();
}

function threadsOf({ config, stages }: ChildContext, backend: Backend, onHang: ThreadsParts['onHang']): CallThreads {
  const { statePath, stallSeconds, concurrency, maxBytesPerSecond } = config.service;
  return new CallThreads({
    spotOf: (n) => backend.threadSlot(n),
    noteThreadHang: (n, hand) => backend.noteThreadHang(n, hand),
    throttle: maxBytesPerSecond > 0 ? { spot: spareSpot(statePath), bytesPerSecond: maxBytesPerSecond } : undefined,
    most: stages.length === STAGES.length ? concurrency : 1,
    roundsMax: Math.ceil((stallSeconds * 1_000) / limits.beatEveryMs),
    onHang,
  });
}

function runnerOf(stage: Stage, feeds: Feeds, worker: Worker, met: (feed: Feed) => void): Run {
  const { context, backend, threads } = worker;
  return async (claims, settle, keep) => {
    /** A thread hangs at the file: nobody else may touch that before the call has ended. */
    const isKept = (job: ClaimedJob, { hangs, outcome }: Step): boolean => {
      if (!hangs) return false;
      keep([job]);
      void hangs.then(() => backend.settle([{ job, outcome }])).catch(threads.failed);
      return true;
    };
    for (const [name, group] of byFeed(claims)) {
      let feed: Feed | undefined;
      try {
        feed = await feeds.get(name);
      } catch (error) {
        context.fail(error);
        throw error;
      }
      if (feed) met(feed);
      const opened = feed && openBatch(feed, worker);
      const { steps, around } = opened
        ? await runFeed(stage, group.map(ingestJob), opened)
        : { steps: group.map(() => defer(UNKNOWN_FEED_MS, 'unknown_feed')) };
      const done = group.map((job, i) => ({ job, step: steps[i]! })).filter(({ job, step }) => !isKept(job, step));
      const settlements = done.map(({ job, step }) => settlementOf(job, step));
      const answers = await settle(...notingArrivals(feed?.options, settlements, around));
      logSettled(stage.name, done, answers, {
        emit: context.emit,
        trace: context.config.service.trace,
        input: feed?.options.input ?? '',
      });
    }
    return undefined;
  };
}

export async function runFeed(
  stage: Stage,
  jobs: readonly IngestJob[],
  opened: { batch: Batch; close: () => void },
): Promise<Judged> {
  const { batch } = opened;
  try {
    const isDecided = (job: IngestJob): boolean => job.facts.putAway !== undefined;
    const decided = jobs.filter(isDecided);
    const open = jobs.filter((job) => !isDecided(job));
    const steps = new Map<IngestJob, Step>();
    const note = (of: readonly IngestJob[], answers: readonly Step[]): void =>
      of.forEach((job, i) => void steps.set(job, answers[i]!));
    const finish = async (): Promise<Judged> => ({ steps: await finishDecided(stage.name, decided, batch) });
    if (decided.length > 0) note(decided, (await guarded(stage, decided, batch, finish)).steps);
    if (open.length === 0) return { steps: jobs.map((job) => steps.get(job)!) };
    const judged = await guarded(stage, open, batch, () => stage.run(open, batch));
    note(open, judged.steps);
    return { ...judged, steps: jobs.map((job) => steps.get(job)!) };
  } finally {
    opened.close();
  }
}

/** A place that fails outside of a job's handling closes the gate for the whole batch. */
async function guarded(
  stage: Stage,
  jobs: readonly IngestJob[],
  batch: Batch,
  act: () => Promise<Judged>,
): Promise<Judged> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof PlaceError)) throw error;
    return { steps: jobs.map(() => blocked(stage.name, batch.feed.name, error.untried(), batch.emit)) };
  }
}

function byFeed(claims: readonly ClaimedJob[]): Map<string, ClaimedJob[]> {
  const groups = new Map<string, ClaimedJob[]>();
  for (const claim of claims) {
    const group = groups.get(claim.feed);
    if (group) group.push(claim);
    else groups.set(claim.feed, [claim]);
  }
  return groups;
}

/**
 * Returns the handler for errors outside of any job. An unwritable state is logged once and tried again. A bug is logged each time. So is
 * an errno that no stage expected: it concerns files, and the process itself is sound. Any other error ends the process.
 */
export function errorHandler(context: Pick<ChildContext, 'emit' | 'fail'>): (error: unknown) => void {
  const logged = new Set<string>();
  return (error) => {
    const code = (error as { code?: string }).code ?? 'bug';
    const message = error instanceof Error ? error.message : String(error);
    if (code === 'bug' || errnoOf(error) !== undefined)
      context.emit('bug', { error: error instanceof Error ? error.stack : message });
    else if (code !== 'state_full' && code !== 'state_io') context.fail(error);
    else if (!logged.has(message)) context.emit('state_unwritable', { code, reason: message });
    logged.add(message);
  };
}
