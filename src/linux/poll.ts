/**
 * Calls back when an inotify descriptor has something to read. This is the only file that uses `koffi.node.poll`, which
 * is undocumented: koffi is pinned, and test/linux/poll.test.ts has a scenario for each trap below.
 * Guarantees: the handle stays alive until `close`. A throw in `onReadable` causes an uncaught exception and does not
 * end the reading. A second `close`, and any call after it, does nothing. `onReadable` runs as an immediate of the same
 * turn: after a callback of koffi, Node 26 leaves next ticks and promises pending until the next timer.
 * In a worker thread a timer takes its place. When a worker ends (`terminate`, or `process.exit` in a callback), koffi's
 * next callback would abort the process.
 * Does not: take any other descriptor (one that epoll refuses aborts the whole process).
 */
import { readlinkSync } from 'node:fs';
import koffi from 'koffi';
import { codeOfErrno, ERRNO, LinuxError } from './error.js';

export interface Poll {
  /** Sets whether the handle keeps the process alive. At first it does. */
  ref(): void;
  unref(): void;
  close(): void;
}

type PollHandle = ReturnType<typeof koffi.node.poll>;

/** A handle without a reference is garbage-collected and fires no more. */
const alive = new Set<PollHandle>();
let closesAtExit = false;

export function pollInotify(fd: number, onReadable: () => void): Poll {
  refuseOthers(fd);
  if (!isMainThread()) return pollByTimer(onReadable);
  // The published types omit the status.
  const listener = (status: number) => {
    setImmediate(() => {
      // It was closed meanwhile.
      if (!alive.has(handle)) return;
      if (status < 0)
        throw new LinuxError('epoll', -status, '' as never, `reading of inotify ended: ${codeOfErrno(-status)}`);
      onReadable();
    });
  };
  const handle = koffi.node.poll(fd, { readable: true }, listener as never);
  alive.add(handle);
  if (!closesAtExit) process.once('exit', closeAll);
  closesAtExit = true;
  return {
    // A call on a closed handle is a segmentation fault.
    ref: () => alive.has(handle) && handle.ref(),
    unref: () => alive.has(handle) && handle.unref(),
    close() {
      if (alive.delete(handle)) handle.close();
    },
  };
}

/** An empty queue costs one system call. */
const TIMER_MS = 20;

function pollByTimer(onReadable: () => void): Poll {
  const timer = setInterval(onReadable, TIMER_MS);
  return { ref: () => timer.ref(), unref: () => timer.unref(), close: () => clearInterval(timer) };
}

/**
 * Node runs its loop once more while it exits, when no JavaScript may run. An event that arrived then would abort the
 * process.
 */
function closeAll(): void {
  for (const handle of alive) handle.close();
  alive.clear();
}

/** An error thrown inside koffi's callback would be swallowed, and no further event would come. */
export function surface(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}

/**
 * Matches `PID/task/TID`. The constant of node:worker_threads would load Node's streams into each process that watches
 * (1.4 MB).
 */
const isMainThread = (): boolean => /^(\d+)\/task\/\1$/.test(readlinkSync('/proc/thread-self'));

function refuseOthers(fd: number): void {
  let what: string;
  try {
    what = readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    throw new LinuxError('poll', ERRNO.EBADF);
  }
  if (!/^(anon_inode:)?\[?inotify\]?$/.test(what))
    throw new LinuxError('poll', ERRNO.EINVAL, '', 'not an inotify descriptor');
}
