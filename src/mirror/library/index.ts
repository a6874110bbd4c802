/**
 * `atomic-ingestor/mirror`: keeps a directory a mirror of another one, as ingest-replicate does. docs/replicate.md says how to
 * use it.
 */
import { type ByteName, bytesOfName, shownName } from '../../linux/index.js';
import { planReplica as plan, type Replicating, replicate as start } from '../index.js';
import { asMirrorError } from './errors.js';
import { replicateOptions } from './options.js';
import type { Mirroring, MirrorOptions, MirrorResult, PlannedAct } from './types.js';

export { MirrorError } from './errors.js';
export type {
  Mirroring,
  MirrorLogger,
  MirrorOptions,
  MirrorResult,
  MirrorStatus,
  MirrorTotals,
  PlannedAct,
  Unmirrored,
} from './types.js';

/**
 * Makes `dest` like `source`, and keeps it so until it is stopped. Resolves when both directories were checked and `dest` was
 * claimed; nothing is changed before. Errors: MirrorError.
 */
export async function replicate(options: MirrorOptions): Promise<Mirroring> {
  try {
    const running = await start(replicateOptions(options));
    const done = ended(running, options.signal);
    const stop = () => {
      running.stop();
      return done;
    };
    return { done, status: () => running.status(), stop };
  } catch (error) {
    throw asMirrorError(error);
  }
}

/** Calls `onAct` for each thing that `replicate` with `once` would do, in order. Changes nothing. Errors: MirrorError. */
export async function planReplica(options: MirrorOptions, onAct: (act: PlannedAct) => void): Promise<void> {
  try {
    await plan(replicateOptions(options), ({ act, path, bytes, why }) => onAct({ act, ...named(path), bytes, why }));
  } catch (error) {
    throw asMirrorError(error);
  }
}

async function ended(running: Replicating, signal: AbortSignal | undefined): Promise<MirrorResult> {
  const stop = () => running.stop();
  signal?.addEventListener('abort', stop);
  if (signal?.aborted) stop();
  try {
    const { totals, unmirrored, unmirroredCount } = await running.done;
    return { totals, unmirrored: unmirrored.map(({ path, code }) => ({ ...named(path), code })), unmirroredCount };
  } catch (error) {
    throw asMirrorError(error);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

const named = (path: ByteName) => ({ path: shownName(path), pathBytes: bytesOfName(path) });
