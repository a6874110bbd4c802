/**
 * The stat of a name or a descriptor, by statx(2): its struct has the same layout on every architecture, unlike
 * stat(2).
 * Guarantees: never follows a symlink at the end, never triggers an automount; times and inode are exact.
 */
import { cString } from './c-string.js';
import { ERRNO, LinuxError } from './error.js';
import { errno, statx } from './libc.js';
import { type ByteName, nameOfText } from './names.js';

export type Kind = 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'character' | 'block';

/** The answer of statx(2) for one file. */
export type Stat = Pick<FileStat, keyof FileStat>;

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_NO_AUTOMOUNT = 0x800;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
const STATX_BTIME = 0x800;
const STATX_MNT_ID = 0x1000;
const STATX_ATTR_IMMUTABLE = 0x10;
const STATX_ATTR_APPEND = 0x20;
const STATX_ATTR_MOUNT_ROOT = 0x2000;

/** The file type bits of a mode. A directory entry uses the same numbers. */
export const KINDS_OF_TYPES: Readonly<Record<number, Kind | undefined>> = {
  1: 'fifo',
  2: 'character',
  4: 'directory',
  6: 'block',
  8: 'file',
  10: 'symlink',
  12: 'socket',
};

/**
 * struct statx, reused: half a million calls a second create no garbage except their results. The array indexes below
 * are its offsets, divided by the size of an element.
 */
const bytes = new Uint8Array(256);
const u16 = new Uint16Array(bytes.buffer);
const u32 = new Uint32Array(bytes.buffer);
const i32 = new Int32Array(bytes.buffer);

const NO_NAME = nameOfText('');

/** Errors: LinuxError. */
export function statAt(dirFd: number, name: ByteName): Stat {
  const error = ask(dirFd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT);
  if (error !== 0) throw new LinuxError('statx', error, name);
  return new FileStat();
}

/** Returns undefined if nothing is there (ENOENT, ENOTDIR), without the cost of an error. */
export function statAtOrNone(dirFd: number, name: ByteName, tooLong: 'none' | 'error' = 'none'): Stat | undefined {
  const error = ask(dirFd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT);
  if (error === ERRNO.ENOENT || error === ERRNO.ENOTDIR) return undefined;
  // Nothing can exist under a name that is too long. Example: the sidecar of a name of 255 bytes.
  if (error === ERRNO.ENAMETOOLONG && tooLong === 'none') return undefined;
  if (error !== 0) throw new LinuxError('statx', error, name);
  return new FileStat();
}

export function statFd(fd: number): Stat {
  const error = ask(fd, NO_NAME, AT_EMPTY_PATH);
  if (error !== 0) throw new LinuxError('statx', error);
  return new FileStat();
}

/** Returns only `mounted` of the Stat, without creating an object: every directory of a scan is asked. */
export function mountedFd(fd: number): string {
  const error = ask(fd, NO_NAME, AT_EMPTY_PATH);
  if (error !== 0) throw new LinuxError('statx', error);
  return String(mountNow() ?? deviceNow());
}

function ask(dirFd: number, name: ByteName, flags: number): number {
  const mask = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
  return statx(dirFd, cString(name, 'statx'), flags, mask, bytes) < 0 ? errno() : 0;
}

/**
 * The values of the last call, as numbers. Texts and 64-bit values are created when they are read. Each time is stored
 * as two numbers and not as an object: there are four times in each stat, and this is a hot path.
 */
class FileStat {
  readonly kind: Kind = KINDS_OF_TYPES[u16[14]! >> 12] ?? 'file';
  /** Permission bits with set-uid, set-gid and sticky, without the file type. */
  readonly mode = u16[14]! & 0o7777;
  readonly uid = u32[5]!;
  readonly gid = u32[6]!;
  readonly nlink = u32[4]!;
  private readonly attributes = u32[2]!;
  /** As in stat(2) and `fs.statSync`, as `ino`. */
  readonly dev = deviceNow();
  readonly size = u32[10]! + u32[11]! * 2 ** 32;
  private readonly inode = wideAt(8);
  private readonly mount = mountNow();
  private readonly accessS = secondsAt(16);
  private readonly accessNs = u32[18]!;
  private readonly birthS = u32[0]! & STATX_BTIME ? secondsAt(20) : undefined;
  private readonly birthNs = u32[22]!;
  private readonly changeS = secondsAt(24);
  private readonly changeNs = u32[26]!;
  private readonly modificationS = secondsAt(28);
  private readonly modificationNs = u32[30]!;
  #version: string | undefined;

  get ino(): bigint {
    return BigInt(this.inode);
  }
  get atimeNs(): bigint {
    return nanoseconds(this.accessS, this.accessNs);
  }
  get mtimeNs(): bigint {
    return nanoseconds(this.modificationS, this.modificationNs);
  }
  get ctimeNs(): bigint {
    return nanoseconds(this.changeS, this.changeNs);
  }
  /** Differs between two mounts of one filesystem. Undefined before Linux 5.8. */
  get mountId(): bigint | undefined {
    return this.mount === undefined ? undefined : BigInt(this.mount);
  }
  /** True at the root of a mount. False also before Linux 5.8, which does not show it. */
  get isMountRoot(): boolean {
    return (this.attributes & STATX_ATTR_MOUNT_ROOT) !== 0;
  }
  /** With either, even root may not rename or remove the file, nor an entry of the directory (chattr(1)). */
  get attribute(): 'immutable' | 'append-only' | undefined {
    if (this.attributes & STATX_ATTR_IMMUTABLE) return 'immutable';
    return this.attributes & STATX_ATTR_APPEND ? 'append-only' : undefined;
  }
  /** The mount id as text, or the device number if the kernel has no mount id. */
  get mounted(): string {
    return String(this.mount ?? this.dev);
  }
  /** `DEV:INO:SIZE:MTIME_NS:CTIME_NS`: changes with every write, every rename and every replacement of the file. */
  get version(): string {
    this.#version ??= `${this.dev}:${this.inode}:${this.content}:${this.changed}`;
    return this.#version;
  }
  /** BIRTH_NS: when the inode was created. Empty if the filesystem does not store it. */
  get birth(): string {
    return this.birthS === undefined ? '' : digits(this.birthS, this.birthNs);
  }
  /**
   * `DEV:INO:BIRTH_NS`: distinguishes a file from a later one with the same inode number. BIRTH_NS is empty if the
   * filesystem does not store it.
   */
  get file(): string {
    return `${this.dev}:${this.inode}:${this.birth}`;
  }
  /** `SIZE:MTIME_NS` */
  get content(): string {
    return `${this.size}:${digits(this.modificationS, this.modificationNs)}`;
  }
  /** `CTIME_NS` */
  get changed(): string {
    return digits(this.changeS, this.changeNs);
  }
  /** For comparison with the wall clock. */
  get ctimeMs(): number {
    return this.changeS * 1_000 + this.changeNs / 1e6;
  }
}

const deviceNow = (): number => makedev(u32[34]!, u32[35]!);
const mountNow = (): number | bigint | undefined => (u32[0]! & STATX_MNT_ID ? wideAt(36) : undefined);

/** A u64: a number if that is exact, otherwise a bigint. */
function wideAt(word: number): number | bigint {
  const low = u32[word]!;
  const high = u32[word + 1]!;
  return high < 1 << 21 ? low + high * 2 ** 32 : BigInt(low) + (BigInt(high) << 32n);
}

/** The seconds of a struct statx_timestamp. The nanoseconds that follow them are never negative. */
const secondsAt = (word: number): number => u32[word]! + i32[word + 1]! * 2 ** 32;

const nanoseconds = (seconds: number, nanos: number): bigint => BigInt(seconds) * 1_000_000_000n + BigInt(nanos);

/** Concatenates digits: five bigints for each stat would cost more than the call. */
const digits = (seconds: number, nanos: number): string =>
  seconds > 0 ? `${seconds}${String(nanos).padStart(9, '0')}` : String(nanoseconds(seconds, nanos));

/** gnu_dev_makedev: 12 and 20 bits of the two numbers, interleaved. Exact as a number up to 2^53. */
function makedev(major: number, minor: number): number {
  const low = ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
  return low + ((major & ~0xfff) >>> 0) * 2 ** 32;
}
