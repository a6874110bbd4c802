/**
 * Opening: always close-on-exec (a child would keep our descriptors and locks), and below a directory descriptor
 * always inside it, so that a parent swapped for a symlink leads nowhere.
 * Source: openat2(2). glibc has no wrapper for it, so it goes through syscall(2).
 */
import { constants } from 'node:fs';
import { cString } from './c-string.js';
import { ERRNO, LinuxError } from './error.js';
import { errno, openat2 } from './libc.js';
import type { ByteName } from './names.js';

/** "Relative to the working directory", in place of a directory descriptor. */
export const AT_FDCWD = -100;

/** O_DIRECTORY, O_NOFOLLOW and O_DIRECT differ between x64 and arm64: Node's build knows. The last two do not differ. */
export const O = {
  RDONLY: constants.O_RDONLY,
  WRONLY: constants.O_WRONLY,
  RDWR: constants.O_RDWR,
  CREAT: constants.O_CREAT,
  EXCL: constants.O_EXCL,
  TRUNC: constants.O_TRUNC,
  APPEND: constants.O_APPEND,
  NONBLOCK: constants.O_NONBLOCK,
  DIRECTORY: constants.O_DIRECTORY,
  NOFOLLOW: constants.O_NOFOLLOW,
  DIRECT: constants.O_DIRECT,
  NOATIME: constants.O_NOATIME,
  CLOEXEC: 0o2000000,
  PATH: 0o10000000,
} as const;

const SYS_OPENAT2 = 437;
/** `plain`: RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS; `beneath`: RESOLVE_BENEATH too */
const RESOLVE = { any: 0, plain: 0x02 | 0x04, beneath: 0x02 | 0x04 | 0x08 } as const;
/** RESOLVE_BENEATH answers EAGAIN when any rename on the machine raced with a `..`; a lease probe does so for microseconds. */
const TRIES = 8;

/** struct open_how: three u64. The upper halves stay 0. */
const how = new Uint32Array(6);
const howBytes = new Uint8Array(how.buffer);

export interface OpenOptions {
  /** Permission bits of a file that this call makes (O.CREAT). */
  mode?: number;
  /**
   * `beneath`: never out of the directory, through no symlink on the way nor at the end. `plain`: through no symlink.
   * Default: `beneath` for a descriptor, `any` for AT_FDCWD (where an absolute path would be refused).
   */
  resolve?: keyof typeof RESOLVE;
}

/**
 * Returns the descriptor. Errors: LinuxError; a symlink in the way is ELOOP, a `..` or an absolute path that leads out is EXDEV, and a
 * directory that is moved out at that moment is ENOENT.
 */
export function openAt(dirFd: number, name: ByteName, flags: number, options: OpenOptions = {}): number {
  const fd = tryOpen(dirFd, name, flags, options);
  if (fd < 0) throw new LinuxError('openat2', -fd, name);
  return fd;
}

/** For reading its entries, syncing it, and everything that is done relative to it. */
export const openDirectory = (dirFd: number, name: ByteName): number => openAt(dirFd, name, O.RDONLY | O.DIRECTORY);

/**
 * A file to be read. Never waits (a FIFO would) and never follows a symlink at the end; the caller still has to ask
 * `statFd` what it got. The uploader's atime stays where we may leave it.
 */
export function openData(dirFd: number, name: ByteName): number {
  const flags = O.RDONLY | O.NOFOLLOW | O.NONBLOCK;
  const fd = tryOpen(dirFd, name, flags | O.NOATIME, {});
  if (fd >= 0) return fd;
  // O_NOATIME is for the owner and for CAP_FOWNER only.
  if (fd !== -ERRNO.EPERM) throw new LinuxError('openat2', -fd, name);
  return openAt(dirFd, name, flags);
}

/** A descriptor, or the errno as a negative number. */
function tryOpen(dirFd: number, name: ByteName, flags: number, options: OpenOptions): number {
  const resolve = options.resolve ?? (dirFd === AT_FDCWD ? 'any' : 'beneath');
  how[0] = (flags | O.CLOEXEC) >>> 0;
  how[2] = flags & O.CREAT ? (options.mode ?? 0o600) : 0;
  how[4] = RESOLVE[resolve];
  const path = cString(name, 'openat2');
  for (let left = TRIES; ; left--) {
    const fd = openat2(SYS_OPENAT2, dirFd, path, howBytes, howBytes.length);
    if (fd >= 0) return fd;
    const error = errno();
    // A directory on the way was moved out of `dirFd` meanwhile: below that one nothing has the name any more.
    if (error === ERRNO.EXDEV && resolve === 'beneath' && !leadsOut(name)) return -ERRNO.ENOENT;
    if (left === 0 || (error !== ERRNO.EAGAIN && error !== ERRNO.EINTR)) return -error;
  }
}

const leadsOut = (name: ByteName): boolean => name.startsWith('/') || name.split('/').includes('..');
