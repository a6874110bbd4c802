/**
 * Is anybody writing this file? The kernel's read lease is granted only while nobody has the file open or mapped for
 * writing. It is only ever a probe: taken and given back in two adjacent calls; held for longer it would make the
 * writer wait, and hand it the sealed inode afterwards.
 * Where a lease says nothing (another owner without CAP_LEASE, network, overlay, FUSE), the answer is `unknown`, and
 * the private copy stands in for it.
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
  /** Why a lease says nothing; only with `unknown`. */
  because?: string;
}

/**
 * The kinds of filesystems that a batch has met: a statfs a probe is a third of its cost.
 * Does not: outlive a batch, whose open roots keep a device's number from being given to another filesystem.
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

/** Probes an open file: lease first, then the stat, so that a writer who closes in between is seen by one of the two. */
export function probeFd(fd: number, kinds: FsKinds): Probe {
  const lease = probeLease(fd);
  return probed(fd, lease, statFd(fd), kinds);
}

/** The same, with the stat of what lies at a name: undefined where nothing does. It may be another file than `fd`. */
export function probeNamed(fd: number, entry: Entry, kinds: FsKinds): Probe | undefined {
  const lease = probeLease(fd);
  const stat = statAtOrNone(entry.dir, entry.name);
  return stat && probed(fd, lease, stat, kinds);
}

function probed(fd: number, lease: LeaseAnswer, stat: Stat, kinds: FsKinds): Probe {
  if (stat.nlink > 1) return { stat, writer: lease === 'writer' ? 'writer' : 'unknown', because: 'hard_links' };
  if (lease === 'writer')
    return { stat, writer: kinds.of(fd, stat.dev).leasesMeaningful ? 'writer' : 'unknown', because: 'filesystem' };
  if (lease === 'free')
    return kinds.of(fd, stat.dev).leasesMeaningful
      ? { stat, writer: 'none' }
      : { stat, writer: 'unknown', because: 'filesystem' };
  return { stat, writer: 'unknown', because: lease === 'denied' ? 'not_owner' : 'filesystem' };
}

export type Opened = { fd: number } | { fd: undefined; code: string };

/**
 * Opens a candidate as data: O_NOFOLLOW | O_NONBLOCK, so that a symlink, FIFO or device put there meanwhile is not
 * followed, waited for or triggered. ENOENT and what an uploader can cause are values; the rest is thrown.
 */
export function openEntry(entry: Entry): Opened {
  try {
    return { fd: openData(entry.dir, entry.name) };
  } catch (error) {
    if (error instanceof LinuxError && OPEN_VALUES.has(error.code)) return { fd: undefined, code: error.code };
    throw error;
  }
}

/** EAGAIN: the uploader itself holds a write lease on its file. */
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
