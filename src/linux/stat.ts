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
  /** Tells two mounts of one filesystem apart. Undefined before Linux 5.8. */
  mountId: bigint | undefined;
  /** `DEV:INO:SIZE:MTIME_NS:CTIME_NS`: changes with everything that a write, a rename or another file changes. */
  version: string;
  /** The same in parts, and with the time of birth, which tells a file from a later one with the same inode number. */
  parts: VersionParts;
  /** For comparing with the wall clock. */
  ctimeMs: number;
}

export interface VersionParts {
  /** `DEV:INO:BIRTH_NS`; BIRTH_NS is empty where the filesystem keeps none. */
  file: string;
  /** `SIZE:MTIME_NS` */
  content: string;
  /** `CTIME_NS` */
  changed: string;
}

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_NO_AUTOMOUNT = 0x800;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
const STATX_BTIME = 0x800;
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
const i32 = new Int32Array(bytes.buffer);

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
  const mask = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
  return statx(dirFd, cString(name, 'statx'), flags, mask, bytes) < 0 ? errno() : 0;
}

/** A time as the kernel gives it; its nanoseconds are never negative. */
class Time {
  constructor(
    readonly seconds: number,
    readonly nanos: number,
  ) {}

  get ns(): bigint {
    return BigInt(this.seconds) * 1_000_000_000n + BigInt(this.nanos);
  }

  get ms(): number {
    return this.seconds * 1_000 + this.nanos / 1e6;
  }

  /** Digits put beside digits: five bigints a stat would cost more than the call. */
  text(): string {
    return this.seconds > 0 ? `${this.seconds}${String(this.nanos).padStart(9, '0')}` : String(this.ns);
  }
}

/** Everything in numbers, from which the 64-bit values are made when they are asked for. */
class FileStat implements Stat {
  #version: string | undefined;

  constructor(
    readonly kind: Kind,
    readonly mode: number,
    readonly uid: number,
    readonly gid: number,
    readonly nlink: number,
    readonly dev: number,
    private readonly inode: number | bigint,
    readonly size: number,
    private readonly times: readonly [access: Time, modification: Time, change: Time, birth?: Time],
    private readonly mount: number | bigint | undefined,
  ) {}

  get ino(): bigint {
    return BigInt(this.inode);
  }
  get atimeNs(): bigint {
    return this.times[0].ns;
  }
  get mtimeNs(): bigint {
    return this.times[1].ns;
  }
  get ctimeNs(): bigint {
    return this.times[2].ns;
  }
  get mountId(): bigint | undefined {
    return this.mount === undefined ? undefined : BigInt(this.mount);
  }
  get version(): string {
    const [, modification, change] = this.times;
    this.#version ??= `${this.dev}:${this.inode}:${this.size}:${modification.text()}:${change.text()}`;
    return this.#version;
  }
  get parts(): VersionParts {
    const [, modification, change, birth] = this.times;
    return {
      file: `${this.dev}:${this.inode}:${birth?.text() ?? ''}`,
      content: `${this.size}:${modification.text()}`,
      changed: change.text(),
    };
  }
  get ctimeMs(): number {
    return this.times[2].ms;
  }
}

/** A u64, as a number where that is exact. */
function wideAt(word: number): number | bigint {
  const [low, high] = [u32[word]!, u32[word + 1]!];
  return high < 1 << 21 ? low + high * 2 ** 32 : BigInt(low) + (BigInt(high) << 32n);
}

/** Indexes are the offsets of struct statx divided by the size of what is read there. */
function decode(): Stat {
  const mode = u16[14]!;
  return new FileStat(
    KINDS[mode >> 12] ?? 'file',
    mode & 0o7777,
    u32[5]!,
    u32[6]!,
    u32[4]!,
    makedev(u32[34]!, u32[35]!),
    wideAt(8),
    u32[10]! + u32[11]! * 2 ** 32,
    u32[0]! & STATX_BTIME ? [timeAt(16), timeAt(28), timeAt(24), timeAt(20)] : [timeAt(16), timeAt(28), timeAt(24)],
    u32[0]! & STATX_MNT_ID ? wideAt(36) : undefined,
  );
}

const timeAt = (word: number): Time => new Time(u32[word]! + i32[word + 1]! * 2 ** 32, u32[word + 2]!);

/** gnu_dev_makedev: 12 and 20 bits of the two numbers, interleaved. Exact as a number up to 2^53. */
function makedev(major: number, minor: number): number {
  const low = ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
  return low + ((major & ~0xfff) >>> 0) * 2 ** 32;
}
