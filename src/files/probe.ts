/**
 * Is anybody writing this file? The kernel grants a read lease only while nobody has the file open or mapped for
 * writing. The lease is only a probe: it is taken and released in two adjacent calls. A lease that is kept would make
 * the writer wait, and then give it the sealed inode.
 * If a lease proves nothing (another owner without CAP_LEASE, network, overlay, FUSE), the answer is `unknown`, and a
 * private copy is made instead.
 */
import {
  type FsKind,
  fsKindOf,
  type LeaseAnswer,
  LinuxError,
  openData,
  probeLease,
  type Stat,
  statAtOrNone,
  statFd,
} from '../linux/index.js';
import type { Entry } from './directories.js';

export type WriterAnswer = 'none' | 'writer' | 'unknown';

export interface Probe {
  stat: Stat;
  writer: WriterAnswer;
  /** Why the lease proves nothing; only with `unknown`. */
  because?: string;
}

/**
 * Caches the filesystem kinds of a batch: a statfs for each probe would be a third of its cost.
 * Does not: live longer than a batch. The batch's open roots ensure that a device number is not given to another
 * filesystem.
 */
export class FsKinds {
  readonly #byDevice = new Map<number, FsKind>();

  of(fd: number, device: number): FsKind {
    const known = this.#byDevice.get(device);
    if (known) return known;
    const kind = fsKindOf(fd);
    this.#byDevice.set(device, kind);
    return kind;
  }
}

/**
 * Probes an open file: lease first, then stat, so that a writer that closes in between is detected by one of the two.
 */
export function probeFd(fd: number, kinds: FsKinds): Probe {
  const lease = probeLease(fd);
  return probed(fd, lease, statFd(fd), kinds);
}

/** Like `probeFd`, but with the stat of the name: undefined if nothing is there. It may be another file than `fd`. */
export function probeNamed(fd: number, entry: Entry, kinds: FsKinds): Probe | undefined {
  const lease = probeLease(fd);
  const stat = statAtOrNone(entry.dir, entry.name);
  return stat && probed(fd, lease, stat, kinds);
}

function probed(fd: number, lease: LeaseAnswer, stat: Stat, kinds: FsKinds): Probe {
  const because = stat.nlink > 1 ? 'hard_links' : 'filesystem';
  // NFSv4 and SMB refuse a lease also where nobody writes.
  if (lease === 'writer')
    return { stat, writer: kinds.of(fd, stat.dev).leasesMeaningful ? 'writer' : 'unknown', because };
  if (stat.nlink > 1) return { stat, writer: 'unknown', because };
  if (lease === 'free')
    return kinds.of(fd, stat.dev).leasesMeaningful
      ? { stat, writer: 'none' }
      : { stat, writer: 'unknown', because: 'filesystem' };
  return { stat, writer: 'unknown', because: lease === 'denied' ? 'not_owner' : 'filesystem' };
}

export type Opened = { fd: number } | { fd: undefined; code: string };

/**
 * Opens a candidate as data: O_NOFOLLOW | O_NONBLOCK, so that a symlink, FIFO or device put there meanwhile is not
 * followed, waited for or triggered. ENOENT and errors that an uploader can cause are returned; others are thrown.
 */
export function openEntry(entry: Entry): Opened {
  try {
    return { fd: openData(entry.dir, entry.name) };
  } catch (error) {
    if (error instanceof LinuxError && OPEN_VALUES.has(error.code)) return { fd: undefined, code: error.code };
    throw error;
  }
}

/** EAGAIN: the uploader itself has a write lease on its file. */
const OPEN_VALUES = new Set([
  'ENOENT',
  'ENOTDIR',
  'ELOOP',
  'EACCES',
  'EPERM',
  'ENXIO',
  'EAGAIN',
  'EIO',
  'EISDIR',
  'ENODEV',
  'ENAMETOOLONG',
]);
