/**
 * The role `producer`: watches the inputs of all feeds of a configuration and brings their files into the queue.
 * Guarantees: sends heartbeats as long as its event loop turns. Ends when it must drain; ends with exit code 3 when the state is
 * no longer the one that it opened.
 * Does not: open a file of an input, or change anything there.
 */
import type { Backend } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { EnvironmentError } from '../../base/errors.js';
import type { ChildContext } from '../../base/process/context.js';
import { startMetrics } from '../../base/telemetry/metrics.js';
import { clockEpoch } from '../../linux/index.js';
import { FeedFiles, isOfFiles } from '../files/feed-files.js';
import { startHeartbeats } from '../health/heartbeats.js';
import { Watermarks } from '../health/watermarks.js';
import { enterExpectations } from '../ledger/arrivals.js';
import { asOperators } from '../ledger/open-state.js';
import { noteOption } from '../ledger/publications.js';
import { enterServed, enterService, forgetOnce, forgetServices, leaveService, PRODUCER } from '../ledger/services.js';
import { noteAddress } from '../sharing/check.js';
import { checkFeeds, type Entered, enterFeed } from '../upkeep/enter.js';
import { enterState } from '../upkeep/enter-state.js';
import { refuseOtherInput } from '../upkeep/moved-roots.js';
import { adoptOrphans } from '../upkeep/reaper.js';
import { FeedProducer } from './feed-producer.js';
import { closeForDead, whenAlive } from './late-feeds.js';
import { limits as producerLimits } from './limits.js';
import { watchLinks } from './moved-links.js';
import { untilNothingLeft } from './once.js';
import { startProgress } from './progress.js';
import { Pruning } from './pruning.js';

export async function runProducer(context: ChildContext): Promise<void> {
  const { config, emit, report } = context;
  const { statePath, once } = config.service;
  const backend = await enterState(context, { title: PRODUCER, cacheKib: producerLimits.cacheKib });
  const watermarks = new Watermarks(backend, config.service, emit);
  const links = watchLinks(backend, emit, context.fail);
  const stops = [startHeartbeats(backend, context), links.stop, () => watermarks.stop()];
  const producers: FeedProducer[] = [];
  const entered: Entered[] = [];
  const ending = new AbortController();
  const late: Promise<void>[] = [];
  let reported: Promise<void> | undefined;
  const pruning = new Pruning(backend, config.service.keepHistoryMs, emit);
  const enter = async (feed: FeedOptions): Promise<FeedProducer> => {
    const one = await enterFeed(backend, statePath, feed, emit);
    entered.push(one);
    // The work directory as it was set up, whatever the options say now: no file in it is a candidate.
    const own = { ...feed, workDir: one.roots.work };
    pruning.add(feed, one.roots);
    links.add(feed);
    const made = new FeedProducer({ backend, feed: own, boot: clockEpoch(), watermarks, emit, onFatal: context.fail });
    producers.push(made);
    return made;
  };
  try {
    report({ kind: 'ready', owner: backend.owner, ownersPath: `${config.service.statePath}.owners` });
    await forgetOnce(backend);
    const metrics = startMetrics(backend, config.service.metricsIntervalSeconds, emit);
    stops.push(metrics.stop);
    const dead = await checkFeeds(backend, statePath, config.feeds);
    await enterServed(backend, config.feeds);
    for (const feed of config.feeds) if (!dead.has(feed.name)) refuseOtherInput(backend, feed);
    // Places of a feed whose gate is closed for that are not touched by what follows.
    for (const [feed, error] of dead) await closeForDead(backend, feed, error, emit);
    if (context.terminal || once) stops.push(startProgress(backend, report));
    watermarks.start(context.fail);
    await noteAddresses(backend, config.feeds);
    for (const feed of config.feeds) {
      await record(backend, feed);
      if (!dead.has(feed.name)) await enter(feed);
    }
    if (!once) await enterService(backend, PRODUCER);
    for (const producer of producers) producer.start();
    pruning.start(context.fail);
    const enterLate = async (feed: FeedOptions): Promise<void> => {
      (await enter(feed)).start();
      pruning.start(context.fail);
    };
    late.push(
      ...whenAlive({ backend, statePath, emit, signal: ending.signal }, config.feeds, dead, enterLate).map((one) =>
        one.catch(context.fail),
      ),
    );
    const reportLate = () => (ending.signal.aborted ? undefined : reportOnce(backend, producers, entered, context));
    if (once) reported = Promise.all(late).then(reportLate).catch(context.fail);
    await context.drained;
    metrics.emitNow();
    if (!once) await leaveService(backend);
  } catch (error) {
    throw asOperators(error);
  } finally {
    ending.abort();
    for (const stop of stops) stop();
    await Promise.all(late);
    await Promise.allSettled([...producers, pruning].map((one) => one.stop()));
    await reported; // it waits for scans, and those end with their watchers
    for (const { locks } of entered) for (const lock of locks) lock.close();
    await backend.close();
  }
}

async function noteAddresses(backend: Backend, feeds: readonly FeedOptions[]): Promise<void> {
  await noteAddress(backend, feeds);
  await noteOption(backend, feeds);
}

async function record(backend: Backend, feed: FeedOptions): Promise<void> {
  // Before a worker can know the feed, so that each settlement finds these rows.
  await enterExpectations(backend, feed);
  await backend.putFeed(feed.name, { ...feed });
}

async function reportOnce(
  backend: Backend,
  producers: readonly FeedProducer[],
  entered: readonly Entered[],
  { emit, drainSignal, report }: ChildContext,
): Promise<void> {
  // A worker looks for orphans too, every few minutes.
  const adopt = async (): Promise<number> => {
    let adopted = 0;
    for (const { feed, roots } of entered) {
      const files = new FeedFiles(roots);
      try {
        adopted += await adoptOrphans({ backend, emit, feed, files });
      } catch (error) {
        if (!isOfFiles(error)) throw error;
        // No file needs the place, so no gate says it; and a run that ends has nothing to wait for.
        throw new EnvironmentError('root_unusable', `feed ${feed}: ${error.message}; files may lie there.`);
      } finally {
        files.close();
      }
    }
    return adopted;
  };
  const done = await untilNothingLeft(backend, producers, adopt, drainSignal);
  if (done === undefined) return;
  await forgetServices(backend);
  report(done);
}
