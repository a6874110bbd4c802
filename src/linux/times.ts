/**
 * Sets times in nanoseconds. `fs.futimes` takes a double of seconds and cannot. Source: futimens(3), utimensat(2).
 */
import { cString } from './c-string.js';
import { LinuxError } from './error.js';
import { errno, futimens, utimensat } from './libc.js';
import type { ByteName } from './names.js';

const SECOND = 1_000_000_000n;
/** Two struct timespec. */
const spec = new BigInt64Array(4);
const specBytes = new Uint8Array(spec.buffer);

const AT_SYMLINK_NOFOLLOW = 0x100;

export function setTimes(fd: number, atimeNs: bigint, mtimeNs: bigint): void {
  put(0, atimeNs);
  put(2, mtimeNs);
  if (futimens(fd, specBytes) < 0) throw new LinuxError('futimens', errno());
}

/** Sets the times of a name; for a symlink, the symlink's own times. */
export function setTimesAt(dir: number, name: ByteName, atimeNs: bigint, mtimeNs: bigint): void {
  put(0, atimeNs);
  put(2, mtimeNs);
  if (utimensat(dir, cString(name, 'utimensat'), specBytes, AT_SYMLINK_NOFOLLOW) < 0)
    throw new LinuxError('utimensat', errno(), name);
}

/** The nanoseconds are never negative, even before 1970. */
function put(at: number, ns: bigint): void {
  const rest = ((ns % SECOND) + SECOND) % SECOND;
  spec[at] = (ns - rest) / SECOND;
  spec[at + 1] = rest;
}
