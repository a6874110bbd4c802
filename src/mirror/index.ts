/** A mirror of a directory tree: `replicate` makes and keeps it, `planReplica` says what it would do. */
import { EnvironmentError } from '../base/errors.js';
import { type Watcher, WatcherError } from '../watcher/index.js';
import { Replica } from './replica.js';
import { watchSource } from './source-watcher.js';
import type { ReplicaStatus, Replicated, ReplicateOptions } from './trees/types.js';

export type { Planned } from './acts/parts.js';
export { planReplica } from './plan.js';
export type { ReplicaStatus, Replicated, ReplicateOptions, Totals, Unmirrored } from './trees/types.js';

export interface Replicating {
  /** Resolves after `stop`, or with `once` when all is done that can be. Rejects with what makes it impossible to go on. */
  done: Promise<Replicated>;
  status(): ReplicaStatus;
  /** What is in hand is finished, or undone. Safe to call twice. */
  stop(): void;
}

/** Errors: OperatorError, EnvironmentError. Nothing is changed where it is refused. */
export async function replicate(options: ReplicateOptions): Promise<Replicating> {
  const replica = await Replica.open(options);
  return { done: run(replica, options), status: () => replica.status(), stop: () => replica.stop() };
}

async function run(replica: Replica, options: ReplicateOptions): Promise<Replicated> {
  if (options.once || options.poll) return replica.run();
  let watcher: Watcher | undefined;
  let following: Promise<unknown> = Promise.resolve();
  try {
    // Watched before the first look: what changes behind it is told.
    watcher = await watchSource(options, options.emit ?? (() => {}));
    following = replica.follow(watcher.events()).catch((error: unknown) => replica.fail(error));
  } catch (error) {
    replica.fail(asEnvironment(error));
  }
  return replica.run(async () => {
    await watcher?.stop();
    await following;
  });
}

const asEnvironment = (error: unknown): unknown =>
  error instanceof WatcherError ? new EnvironmentError('watch_unusable', error.message) : error;
