/** The watcher of SOURCE, as a mirror wants it: every name, hidden and temporary ones too; what is wrong with it is told. */
import type { Emit } from '../base/telemetry/emit.js';
import { createWatcher, type Watcher } from '../watcher/index.js';
import type { ReplicateOptions } from './trees/types.js';

/** Watches from when this resolves. Errors: WatcherError. */
export async function watchSource(options: ReplicateOptions, emit: Emit): Promise<Watcher> {
  const watcher = createWatcher({
    hidden: true,
    metadataSuffixes: [],
    tempSuffixes: [],
    include: [...(options.include ?? [])],
    ignore: [...(options.exclude ?? [])],
    // Between two events the log takes as long as the disk.
    bufferMax: BUFFER_MAX,
    // Everything is looked at by the mirror itself, on both sides.
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

const BUFFER_MAX = 10_000;
