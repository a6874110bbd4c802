/**
 * The watcher of SOURCE with the options of a mirror: every name, including hidden and temporary ones. Its troubles are
 * logged.
 */
import type { Emit } from '../base/telemetry/emit.js';
import { createWatcher, type Watcher } from '../watcher/index.js';
import type { ReplicateOptions } from './trees/types.js';

/** When it resolves, every later change causes an event. Errors: WatcherError. */
export async function watchSource(options: ReplicateOptions, emit: Emit): Promise<Watcher> {
  const watcher = createWatcher({
    hidden: true,
    metadataSuffixes: [],
    tempSuffixes: [],
    include: [...(options.include ?? [])],
    ignore: [...(options.exclude ?? [])],
    // Recording takes as long as a disk sync, so more events must wait than by default.
    bufferMax: BUFFER_MAX,
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

const BUFFER_MAX = 10_000;
