/**
 * Mirrors a directory tree: `replicate` makes and keeps a mirror, `planReplica` reports what it would do.
 */
import { EnvironmentError } from '../base/errors.js';
import type { Emit } from '../base/telemetry/emit.js';
import { createWatcher, type Watcher, WatcherError, WatcherStoppedError } from '../watcher/index.js';
import { Replica } from './replica.js';
import type { Mirroring, MirrorResult, ReplicateOptions } from './trees/types.js';

export { countSource } from './count.js';
export { realDirectories } from './open.js';
export { planReplica } from './plan.js';
export type { Mirroring, MirrorResult, Passed, PlannedAct, ReplicateOptions } from './trees/types.js';

/** Errors: OperatorError, EnvironmentError; `done` rejects with them too. If it is refused, nothing has been changed. */
export async function replicate(options: ReplicateOptions): Promise<Mirroring> {
  const replica = await Replica.open(options);
  const done = run(replica, options);
  const stop = () => {
    replica.stop();
    return done;
  };
  return { done, status: () => replica.status(), passed: () => replica.passed(), stop };
}

async function run(replica: Replica, options: ReplicateOptions): Promise<MirrorResult> {
  if (options.once || options.poll) return replica.run();
  let watcher: Watcher | undefined;
  let following: Promise<unknown> = Promise.resolve();
  try {
    // The watcher starts before the first scan, so changes in directories that the scan has passed cause events.
    watcher = await watchSource(options, options.emit ?? (() => {}), replica.ending);
    following = replica.follow(watcher.events()).catch((error: unknown) => replica.fail(error));
  } catch (error) {
    if (!(error instanceof WatcherStoppedError)) replica.fail(asEnvironment(error));
  }
  return replica.run(async () => {
    await watcher?.stop();
    await following;
  });
}

const asEnvironment = (error: unknown): unknown =>
  error instanceof WatcherError ? new EnvironmentError('watch_unusable', error.message) : error;

/**
 * Watches SOURCE with the options of a mirror: every name, including hidden and temporary ones. Its troubles are logged. When it
 * resolves, every later change causes an event. Errors: WatcherError; WatcherStoppedError after `signal`.
 */
async function watchSource(options: ReplicateOptions, emit: Emit, signal: AbortSignal): Promise<Watcher> {
  const watcher = createWatcher({
    hidden: true,
    signal,
    metadataSuffixes: [],
    tempSuffixes: [],
    include: [...(options.include ?? [])],
    ignore: [...(options.exclude ?? [])],
    // Recording takes as long as a disk sync, so more events must wait than by default.
    bufferMax: 10_000,
    // The mirror scans both sides itself.
    rescanMs: 0,
  });
  watcher.on('overflow', ({ reason }) => emit('replica_overflow', { reason }));
  watcher.on('error', ({ code, message }) => emit('replica_watch_trouble', { code, reason: message }));
  watcher.on('recovered', ({ code }) => emit('replica_watch_recovered', { code }));
  try {
    await watcher.watch(options.source);
  } catch (error) {
    await watcher.stop();
    throw error;
  }
  return watcher;
}
