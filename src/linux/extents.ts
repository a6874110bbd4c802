/**
 * The space of a file: shares it with another file, reserves it, finds its data between holes, and sets the position
 * in it.
 * Guarantees: "this filesystem cannot do it" is a return value, not an error. Offsets and lengths are in bytes, exact
 * up to 2^53.
 */
import { ERRNO, LinuxError } from './error.js';
import { errno, fallocate, ioctl, lseek, SEEK_SET } from './libc.js';

const FICLONE = 0x40049409;
const FALLOC_FL_KEEP_SIZE = 1;

const CANNOT_CLONE: readonly number[] = [
  ERRNO.EOPNOTSUPP,
  ERRNO.EXDEV,
  ERRNO.EINVAL,
  ERRNO.ENOTTY,
  ERRNO.ENOSYS,
  ERRNO.ETXTBSY,
];

/**
 * Makes `destFd` (empty, open for writing) share all bytes of `srcFd` (a reflink). False: not possible here, so copy
 * the bytes. Source: ioctl_ficlone(2).
 */
export function cloneFile(destFd: number, srcFd: number): boolean {
  if (ioctl(destFd, FICLONE, 'int', srcFd) === 0) return true;
  const error = errno();
  if (CANNOT_CLONE.includes(error)) return false;
  throw new LinuxError('ioctl(FICLONE)', error);
}

/**
 * Reserves space without making the file longer: a full disk fails (ENOSPC) before a byte is visible. False: the
 * filesystem cannot reserve.
 */
export function fallocateKeepSize(fd: number, offset: number, length: number): boolean {
  for (;;) {
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, length) === 0) return true;
    const error = errno();
    if (error === ERRNO.EOPNOTSUPP || error === ERRNO.ENOSYS) return false;
    if (error !== ERRNO.EINTR) throw new LinuxError('fallocate', error);
  }
}

/**
 * Sets the position of a descriptor. Code that reads and writes at given offsets does not need it, but other processes
 * see it in /proc/PID/fdinfo. Source: lseek(2), proc(5).
 */
export function setPosition(fd: number, at: number): void {
  if (lseek(fd, at, SEEK_SET) < 0) throw new LinuxError('lseek', errno());
}

const SEEK_DATA = 3;
const SEEK_HOLE = 4;

export interface Range {
  from: number;
  to: number;
}

/**
 * The next data at or after `at`; undefined: from there on the file is a hole. Where the filesystem does not know its
 * holes, all is data. The position of the descriptor is `at` afterwards. Source: lseek(2).
 */
export function dataAfter(fd: number, at: number): Range | undefined {
  try {
    const from = lseek(fd, at, SEEK_DATA);
    if (from < 0 && errno() === ERRNO.ENXIO) return undefined;
    const to = from < 0 ? -1 : lseek(fd, from, SEEK_HOLE);
    if (from < 0) return { from: at, to: Number.POSITIVE_INFINITY };
    // The file may be cut or punched between the two calls.
    return { from, to: to <= from ? Number.POSITIVE_INFINITY : to };
  } finally {
    setPosition(fd, at);
  }
}
