/**
 * Opens files. Every descriptor is close-on-exec, because a child would keep our descriptors and locks. An open below a
 * directory descriptor always stays inside it: a parent that was swapped for a symlink leads nowhere. Source:
 * openat2(2). glibc has no wrapper for it, so it is called through syscall(2).
 */
import { closeSync, constants } from 'node:fs';
import { cString } from './c-string.js';
import { ERRNO, LinuxError } from './error.js';
import { close, errno, openat2 } from './libc.js';
import type { ByteName } from './names.js';

/** Means "relative to the working directory" in place of a directory descriptor. */
export const AT_FDCWD = -100;

/**
 * O_DIRECTORY, O_NOFOLLOW and O_DIRECT differ between x64 and arm64, so Node's constants are used. CLOEXEC and PATH do
 * not differ.
 */
export const O = {
  RDONLY: constants.O_RDONLY,
  WRONLY: constants.O_WRONLY,
  RDWR: constants.O_RDWR,
  CREAT: constants.O_CREAT,
  EXCL: constants.O_EXCL,
  TRUNC: constants.O_TRUNC,
  NONBLOCK: constants.O_NONBLOCK,
  DIRECTORY: constants.O_DIRECTORY,
  NOFOLLOW: constants.O_NOFOLLOW,
  DIRECT: constants.O_DIRECT,
  NOATIME: constants.O_NOATIME,
  CLOEXEC: 0o2000000,
  PATH: 0o10000000,
} as const;

const SYS_OPENAT2 = 437;
/** `plain`: RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS. `beneath` adds RESOLVE_BENEATH. */
const RESOLVE = { any: 0, plain: 0x02 | 0x04, beneath: 0x02 | 0x04 | 0x08 } as const;
/**
 * RESOLVE_BENEATH returns EAGAIN if any rename on the machine raced with a `..`; a lease probe has the same effect for
 * microseconds.
 */
const TRIES = 8;

/** struct open_how: three u64. The upper halves stay 0. */
const how = new Uint32Array(6);
const howBytes = new Uint8Array(how.buffer);

export interface OpenOptions {
  /** Permission bits of a file that this call makes (O.CREAT). */
  mode?: number;
  /**
   * `beneath`: never out of the directory, and through no symlink, not even at the end. `plain`: through no symlink.
   * Default: `beneath` for a descriptor, `any` for AT_FDCWD (`beneath` would refuse an absolute path).
   */
  resolve?: keyof typeof RESOLVE;
}

/**
 * Returns the descriptor. Errors: LinuxError. ELOOP: a symlink is on the path. EXDEV: a `..` or an absolute path leads
 * out. ENOENT also if the directory is moved out at that moment.
 */
export function openAt(dirFd: number, name: ByteName, flags: number, options: OpenOptions = {}): number {
  const fd = tryOpen(dirFd, name, flags, options);
  if (fd < 0) throw new LinuxError('openat2', -fd, name);
  return fd;
}

/** For listing it, syncing it, and every call relative to it. */
export const openDirectory = (dirFd: number, name: ByteName): number => openAt(dirFd, name, O.RDONLY | O.DIRECTORY);

/**
 * Opens a file for reading. Never waits (a FIFO would) and never follows a symlink at the end; the caller must check
 * with `statFd` what it opened. Leaves the uploader's atime unchanged if that is permitted.
 */
export function openData(dirFd: number, name: ByteName): number {
  const flags = O.RDONLY | O.NOFOLLOW | O.NONBLOCK;
  const fd = tryOpen(dirFd, name, flags | O.NOATIME, {});
  if (fd >= 0) return fd;
  // O_NOATIME is only for the owner and for CAP_FOWNER.
  if (fd !== -ERRNO.EPERM) throw new LinuxError('openat2', -fd, name);
  return openAt(dirFd, name, flags);
}

/**
 * Closes a descriptor that this folder opened. In a worker thread, Node's `closeSync` warns for each descriptor that
 * Node did not open. Errors: LinuxError EBADF. After any other error the descriptor is closed too.
 */
export function closeFd(fd: number): void {
  if (close(fd) < 0 && errno() === ERRNO.EBADF) throw new LinuxError('close', ERRNO.EBADF);
}

/** Returns a descriptor, or the errno as a negative number. */
/** Closes the descriptor after `use`, in any case. `use` returns no promise. */
export function withFd<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

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
    // A directory on the path was moved out of `dirFd` meanwhile, so nothing below `dirFd` has that name any more.
    if (error === ERRNO.EXDEV && resolve === 'beneath' && !leadsOut(name)) return -ERRNO.ENOENT;
    if (left === 0 || (error !== ERRNO.EAGAIN && error !== ERRNO.EINTR)) return -error;
  }
}

const leadsOut = (name: ByteName): boolean => name.startsWith('/') || name.split('/').includes('..');
