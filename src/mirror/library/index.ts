/**
 * `atomic-ingestor/mirror`: keeps a directory a mirror of another one, as ingest-replicate does. docs/replicate.md says how to
 * use it.
 */
import { planReplica as plan, replicate as start } from '../index.js';
import type { Mirroring, MirrorOptions, MirrorResult, PlannedAct } from '../trees/types.js';
import { asMirrorError } from './errors.js';
import { replicateOptions } from './options.js';

export type {
  Mirroring,
  MirrorLogger,
  MirrorOptions,
  MirrorResult,
  MirrorStatus,
  MirrorTotals,
  Passed,
  PlannedAct,
  Unmirrored,
} from '../trees/types.js';
export { MirrorError } from './errors.js';

/**
 * Makes `dest` like `source`, and keeps it so until it is stopped. Resolves when both directories were checked and `dest` was
 * claimed; nothing is changed before. Errors: MirrorError.
 */
export async function replicate(options: MirrorOptions): Promise<Mirroring> {
  try {
    const running = await start(replicateOptions(options));
    const done = ended(running, options.signal);
    const stop = () => {
      void running.stop();
      return done;
    };
    return { ...running, done, stop };
  } catch (error) {
    throw asMirrorError(error);
  }
}

/** Calls `onAct` for each thing that `replicate` with `once` would do, in order. Changes nothing. Errors: MirrorError. */
export async function planReplica(options: MirrorOptions, onAct: (act: PlannedAct) => void): Promise<void> {
  try {
    await plan(replicateOptions(options), onAct);
  } catch (error) {
    throw asMirrorError(error);
  }
}

async function ended(running: Mirroring, signal: AbortSignal | undefined): Promise<MirrorResult> {
  const stop = () => void running.stop();
  signal?.addEventListener('abort', stop);
  if (signal?.aborted) stop();
  try {
    return await running.done;
  } catch (error) {
    throw asMirrorError(error);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
