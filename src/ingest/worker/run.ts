/**
 * The role `worker`: claims jobs of its stages, gives each batch to its stage, settles the verdicts, logs the results.
 * Timers beside that: heartbeats, rescue of dead owners' jobs, probes of failing places, the reaper (background.ts).
 * Does not: know the work of a stage.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Backend, ClaimedJob } from '../../../queue/backend.js';
import { limits, outcomeOfThrown, QueueError, type Run, spareSpot } from '../../../queue/index.js';
import { appliesTo, PUBLISH, stageAfter } from '../../base/config/values/stage-names.js';
import type { ChildContext } from '../../base/process/context.js';
import { errnoOf, PlaceError } from '../../files/place-error.js';
import { clockEpoch } from '../../linux/index.js';
import { CallThreads, type ThreadsParts } from '../calls/threads.js';
import { Chains } from '../chains/chains.js';
import { asOperators } from '../ledger/open-state.js';
import { noteOption } from '../ledger/publications.js';
import { enterService, leaveService } from '../ledger/services.js';
import { noteAddress } from '../sharing/check.js';
import { STAGES } from '../stages/index.js';
import { finishDecided } from '../stages/put-away.js';
import {
  type Batch,
  blocked,
  type Contents,
  contentsOf,
  defer,
  type Feed,
  type IngestJob,
  ingestJob,
  retry,
  type Stage,
  type Verdict,
  type Verdicts,
  withoutBucket,
} from '../stages/stage.js';
import { checkFeeds } from '../upkeep/enter.js';
import { enterState } from '../upkeep/enter-state.js';
import { notingArrivals } from './arrivals.js';
import { Background } from './background.js';
import { Dispatchers } from './dispatchers.js';
import { Feeds } from './feeds.js';
import { logSettled } from './log-settled.js';
import { openBatch, type Worker } from './open-batch.js';
import { Publishing } from './publishing.js';
import { Sharing } from './sharing.js';

/** A job of a feed that no producer has recorded (yet) is tried again after this time. */
const UNKNOWN_FEED_MS = 5_000;
/** A worker that failed waits so long for what its threads do. */
const FAILED_MS = 1_000;

export async function runWorker(context: ChildContext): Promise<void> {
  const { statePath, stallSeconds, once, maxBytesPerSecond: bound } = context.config.service;
  const title = `worker ${context.stages.join(' ')}`;
  const { feeds: given } = context.config;
  // A worker without feeds makes no state: if the state is missing, that is an error.
  const next = (feed: string, stage: string) => stageAfter(stage, feeds.inUse(feed) ?? {});
  const backend = await enterState(context, { title, create: given.length > 0, next });
  let dispatchers: Dispatchers | undefined;
  const feeds: Feeds = new Feeds(backend, statePath, context.emit, (options) => dispatchers?.met(options));
  const onError = errorHandler(context);
  const background: Background = new Background({
    backend,
    statePath,
    feeds,
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
    context.emit('process_printed', { feed, job, text: text.trimEnd() }),
  );
  const sharing = new Sharing(backend, statePath, context.emit, once);
  const publishing = new Publishing(backend, feeds, context, background);
  let failed = false;
  // A process without that stage may have no network to the bucket.
  const remotes = context.stages.includes(PUBLISH) ? [sharing, publishing] : [sharing];
  try {
    context.report({ kind: 'ready', owner: backend.owner, ownersPath: `${statePath}.owners` });
    context.drainSignal.addEventListener('abort', () => threads.drain(), { once: true });
    context.onStop(() => noteNothing(backend));
    background.startHeartbeats();
    threads.start();
    await checkFeeds(backend, statePath, given);
    for (const feed of given) await backend.putFeed(feed.name, { ...feed });
    await noteAddress(backend, given);
    await noteOption(backend, given);
    const own = { backend, boot: clockEpoch(), background, context, isPaced: bound > 0, chains, sharing, publishing };
    const worker: Worker = { ...own, threads: { all: threads, failed: onError } };
    dispatchers = new Dispatchers(worker, (stage) => runnerOf(stage, feeds, worker));
    for (const name of feeds.names()) dispatchers.met((await feeds.get(name))?.options ?? {});
    background.start(remotes);
    if (!once) await enterService(backend, title);
    dispatchers.start();
    await Promise.race([context.drained, lost]);
    await dispatchers.stop();
    for (const remote of remotes) await remote.close();
    if (!once) await leaveService(backend);
  } catch (error) {
    failed = true;
    throw asOperators(error);
  } finally {
    background.stop();
    const quiet = threads.close().then(() => threads.hanging === 0);
    // After a failure nothing can be settled: the next process reads the file again, which may take an hour more.
    const isQuiet = await (failed ? Promise.race([quiet, delay(FAILED_MS, false, { ref: false })]) : quiet);
    chains.close();
    // While a thread works or hangs, its job stays with this process. The kernel frees the locks when it has really ended.
    if (isQuiet) {
      feeds.close();
      await backend.close();
    }
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

function runnerOf(stage: Stage, feeds: Feeds, worker: Worker): Run {
  const { context, threads } = worker;
  const notEntered = (name: string): Verdict => {
    const dead = feeds.whyNot(name);
    return dead ? blocked(stage.name, name, dead, context.emit) : defer(UNKNOWN_FEED_MS, 'unknown_feed');
  };
  return async (claims, settle, keep) => {
    /** A thread hangs at the file: nobody else may touch that before the call has ended. */
    const isKept = (job: ClaimedJob, { hangs, outcome }: Verdict): boolean => {
      if (!hangs) return false;
      keep([job]);
      void hangs.then(() => settle([{ job, outcome }])).catch(threads.failed);
      return true;
    };
    for (const [name, group] of Map.groupBy(claims, ({ feed }) => feed)) {
      let feed: Feed | undefined;
      try {
        feed = await feeds.get(name);
      } catch (error) {
        // The process ends, and the jobs are given back: it is not their fault.
        context.fail(error);
        return undefined;
      }
      const opened = feed && openBatch(feed, worker);
      const { verdicts, also } = opened
        ? await failingAlone(group, () => runFeed(stage, group.map(ingestJob), opened), threads.failed)
        : { verdicts: group.map(() => notEntered(name)) };
      const done = group
        .map((job, i) => ({ job, verdict: verdicts[i]! }))
        .filter(({ job, verdict }) => !isKept(job, verdict));
      const settlements = done.map(({ job, verdict: { outcome } }) => ({ job, outcome }));
      const answers = await settle(settlements, notingArrivals(feed?.options, group, also));
      logSettled(stage.name, done, answers, {
        emit: context.emit,
        trace: context.config.service.trace,
        input: feed?.options.input ?? '',
      });
    }
    return undefined;
  };
}

/** An error that no stage expected costs a try only the jobs of its feed: the batch goes on with the other feeds. Errors: QueueError. */
export async function failingAlone(
  jobs: readonly ClaimedJob[],
  run: () => Promise<Verdicts>,
  failed: (error: unknown) => void,
): Promise<Verdicts> {
  try {
    return await run();
  } catch (error) {
    // The state failed, and no job did.
    if (error instanceof QueueError) throw error;
    failed(error);
    return { verdicts: jobs.map(() => ({ outcome: outcomeOfThrown(error) })) };
  }
}

const NONE: Contents = new Map();
const PASSES: Verdict = { outcome: { kind: 'advance' } };

/** A bug, which is visible and loses nothing. */
const notTheCarrier = (job: IngestJob): Verdict =>
  retry(
    'not_the_carrier',
    `job ${job.id} does not carry content ${job.facts.content}: this is a bug, please report it`,
  );

export async function runFeed(
  stage: Stage,
  jobs: readonly IngestJob[],
  opened: { batch: Batch; close: () => void },
): Promise<Verdicts> {
  const { batch } = opened;
  try {
    const isDecided = (job: IngestJob): boolean => job.facts.putAway !== undefined;
    const decided = jobs.filter(isDecided);
    const open = jobs.filter((job) => !isDecided(job));
    const verdicts = new Map<IngestJob, Verdict>();
    const note = (of: readonly IngestJob[], answers: readonly Verdict[]): void =>
      of.forEach((job, i) => void verdicts.set(job, answers[i]!));
    const finish = async (): Promise<Verdicts> => ({ verdicts: await finishDecided(stage.name, decided, batch) });
    if (decided.length > 0) note(decided, (await guarded(stage, decided, batch, finish)).verdicts);
    const contents = stage.ofContent ? contentsOf(open, batch) : NONE;
    const lost = open.filter((job) => stage.ofContent && contents.get(job)?.carrier !== job.id);
    note(lost, lost.map(notTheCarrier));
    const todo = open.filter((job) => !verdicts.has(job));
    // A job passes where the option that gave the stage to its feed was taken away.
    const act = async (): Promise<Verdicts> =>
      appliesTo(stage.name, batch.feed)
        ? stage.run(todo, batch, contents)
        : { verdicts: todo.map((job) => withoutBucket(PASSES, batch, job)) };
    const judged = todo.length === 0 ? { verdicts: [] } : await guarded(stage, todo, batch, act);
    note(todo, judged.verdicts);
    return { ...judged, verdicts: jobs.map((job) => verdicts.get(job)!) };
  } finally {
    opened.close();
  }
}

/** A place that fails outside of a job's handling closes the gate for the whole batch. */
async function guarded(
  stage: Stage,
  jobs: readonly IngestJob[],
  batch: Batch,
  act: () => Promise<Verdicts>,
): Promise<Verdicts> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof PlaceError)) throw error;
    return { verdicts: jobs.map(() => blocked(stage.name, batch.feed.name, error.untried(), batch.emit)) };
  }
}

/** An unwritable state is tried again all the time, so one that was not met for so long has been writable since. */
const EPISODE_ENDS_MS = 60_000;

/**
 * Returns the handler for errors outside of any job. An unwritable state is logged once in an episode, and tried again. A bug is
 * logged each time. So is an errno that no stage expected: it concerns files, and the process itself is sound. Any other error ends
 * the process.
 */
export function errorHandler(
  context: Pick<ChildContext, 'emit' | 'fail'>,
  now = () => performance.now(),
): (error: unknown) => void {
  const metAtMs = new Map<string, number>();
  return (error) => {
    const code = (error as { code?: string }).code ?? 'bug';
    const message = error instanceof Error ? error.message : String(error);
    if (code === 'bug' || errnoOf(error) !== undefined)
      context.emit('bug', { error: error instanceof Error ? error.stack : message });
    else if (code !== 'state_full' && code !== 'state_io') context.fail(error);
    else {
      if (now() - (metAtMs.get(message) ?? -EPISODE_ENDS_MS) >= EPISODE_ENDS_MS)
        context.emit('state_unwritable', { code, reason: message });
      metAtMs.set(message, now());
    }
  };
}
