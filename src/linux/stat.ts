/**
 * What lies under a name or a descriptor, by statx(2): its layout is the same on every architecture, stat's is not.
 * Guarantees: never follows a symlink at the end, never triggers an automount; times and inode are exact.
 */
import { cString } from './c-string.js';
import { ERRNO, LinuxError } from './error.js';
import { errno, statx } from './libc.js';
import { type ByteName, nameOfText } from './names.js';

export type Kind = 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'character' | 'block';

export interface Stat {
  kind: Kind;
  /** Permission bits with set-uid, set-gid and sticky, without the kind. */
  mode: number;
  uid: number;
  gid: number;
  nlink: number;
  /** As stat(2) and `fs.statSync` give it. */
  dev: number;
  ino: bigint;
  size: number;
  atimeNs: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
  /** Tells two mounts of one filesystem apart. Absent before Linux 5.8. */
  mountId?: bigint;
}

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_NO_AUTOMOUNT = 0x800;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
const STATX_MNT_ID = 0x1000;

const KINDS: Record<number, Kind> = {
  1: 'fifo',
  2: 'character',
  4: 'directory',
  6: 'block',
  8: 'file',
  10: 'symlink',
  12: 'socket',
};

/** struct statx, reused: half a million calls a second leave no garbage but their answers. */
const bytes = new Uint8Array(256);
const u16 = new Uint16Array(bytes.buffer);
const u32 = new Uint32Array(bytes.buffer);
const u64 = new BigUint64Array(bytes.buffer);
const i64 = new BigInt64Array(bytes.buffer);

const NO_NAME = nameOfText('');

/** Errors: LinuxError. */
export function statAt(dirFd: number, name: ByteName): Stat {
  const error = ask(dirFd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT);
  if (error !== 0) throw new LinuxError('statx', error, name);
  return decode();
}

/** Undefined where there is nothing (ENOENT, ENOTDIR), without the cost of an error. */
export function statAtOrNone(dirFd: number, name: ByteName, tooLong: 'none' | 'error' = 'none'): Stat | undefined {
  const error = ask(dirFd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT);
  if (error === ERRNO.ENOENT || error === ERRNO.ENOTDIR) return undefined;
  // Nothing can lie under a name that is too long to exist: the sidecar of a name of 255 bytes.
  if (error === ERRNO.ENAMETOOLONG && tooLong === 'none') return undefined;
  if (error !== 0) throw new LinuxError('statx', error, name);
  return decode();
}

export function statFd(fd: number): Stat {
  const error = ask(fd, NO_NAME, AT_EMPTY_PATH);
  if (error !== 0) throw new LinuxError('statx', error);
  return decode();
}

function ask(dirFd: number, name: ByteName, flags: number): number {
  const mask = STATX_BASIC_STATS | STATX_MNT_ID;
  return statx(dirFd, cString(name, 'statx'), flags, mask, bytes) < 0 ? errno() : 0;
}

/** Indexes are the offsets of struct statx divided by the size of what is read there. */
function decode(): Stat {
  const mode = u16[14]!;
  const stat: Stat = {
    kind: KINDS[mode >> 12] ?? 'file',
    mode: mode & 0o7777,
    uid: u32[5]!,
    gid: u32[6]!,
    nlink: u32[4]!,
    dev: makedev(u32[34]!, u32[35]!),
    ino: u64[4]!,
    size: u32[10]! + u32[11]! * 2 ** 32,
    atimeNs: i64[8]! * 1_000_000_000n + BigInt(u32[18]!),
    mtimeNs: i64[14]! * 1_000_000_000n + BigInt(u32[30]!),
    ctimeNs: i64[12]! * 1_000_000_000n + BigInt(u32[26]!),
  };
  if (u32[0]! & STATX_MNT_ID) stat.mountId = u64[18]!;
  return stat;
}

/** gnu_dev_makedev: 12 and 20 bits of the two numbers, interleaved. Exact as a number up to 2^53. */
function makedev(major: number, minor: number): number {
  const low = ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
  return low + ((major & ~0xfff) >>> 0) * 2 ** 32;
}
