/**
 * Threads that load native modules (libc through koffi, SQLite).
 * Guarantees: Node aborts a process that exits, or terminates a thread, while that thread loads a native module; `threadsLoaded`
 * before the exit, and `endThread`, wait for it.
 * Does not: see to other threads. Each that is started here calls `sayLoaded` when its native modules are there.
 */
import { parentPort, Worker, type WorkerOptions } from 'node:worker_threads';
import { emit } from '../telemetry/emit.js';

const LOADED = 'loaded';

const loading = new Map<Worker, Promise<unknown>>();

/** `hear` gets all that the thread says, but that it has loaded. */
/** A thread prints events: its stderr is heard here. */
export function startThread<Said>(path: URL, options: WorkerOptions, hear: (said: Said) => void): Worker {
  // Without the last, Node would warn about each descriptor that openat2 opened and `fs` closes.
  const thread = new Worker(path, { ...options, stderr: true, trackUnmanagedFds: false });
  thread.stderr.setEncoding('utf8').on('data', (text: string) => emit('thread_printed', { text: text.trimEnd() }));
  const loaded = new Promise<void>((resolve) => {
    thread.on('message', (said: Said | typeof LOADED) => (said === LOADED ? resolve() : hear(said as Said)));
    thread.once('exit', () => resolve());
  });
  loading.set(
    thread,
    loaded.then(() => loading.delete(thread)),
  );
  return thread;
}

/** In the thread. */
export const sayLoaded = (): void => parentPort!.postMessage(LOADED);

export async function threadsLoaded(): Promise<void> {
  await Promise.all([...loading.keys()].map(hasLoaded));
}

export async function endThread(thread: Worker): Promise<void> {
  await hasLoaded(thread);
  await thread.terminate();
}

async function hasLoaded(thread: Worker): Promise<void> {
  thread.ref();
  await loading.get(thread);
}
