/**
 * Lists a directory as the kernel does: names as bytes, and their kinds if the filesystem stores them.
 * Guarantees: uses one buffer, whatever the size of the directory. `.` and `..` are left out. A removed directory is
 * listed as empty, as in readdir(3).
 * Does not: sort, or stat an entry.
 * Why not Node's `opendir`: it makes 4.5 KB of garbage a directory (it binds three functions for each) and needs a path
 * through /proc. It also loses names that are not ASCII if the filesystem stores no kinds. Source: getdents64(2). Older
 * glibcs have no wrapper for it, so it is called through syscall(2).
 */
import { ERRNO, LinuxError } from './error.js';
import { errno, getdents64, lseek, SEEK_SET } from './libc.js';
import type { ByteName } from './names.js';

export interface ListedName<Kind> {
  name: ByteName;
  /** Undefined: the filesystem does not store it. */
  kind: Kind | undefined;
}

/** The size that glibc's readdir uses: about a thousand names. */
const BUFFER_BYTES = 32_768;
/** struct linux_dirent64: d_ino, d_off, d_reclen, d_type, d_name ended by NUL; the whole is a multiple of 8 bytes. */
const LENGTH_AT = 16;
const TYPE_AT = 18;
const NAME_AT = 19;
const DOT = 0x2e;

/** Buffers of finished listings, kept for the next ones. Few directories are read at a time. */
const spares: Buffer[] = [];
const SPARES_MAX = 4;

export class DirectoryListing<Kind> {
  #buffer: Buffer | undefined = spares.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #at = 0;
  #end = 0;

  /**
   * The descriptor stays the caller's. `kinds` maps the numbers of d_type to names. Names that came after the directory
   * was opened are listed too: btrfs fixes the last one when it is opened, and again when it is rewound.
   */
  constructor(
    private readonly fd: number,
    private readonly kinds: Readonly<Record<number, Kind | undefined>>,
  ) {
    lseek(fd, 0, SEEK_SET);
  }

  /** Returns undefined at the end. Errors: LinuxError. */
  next(): ListedName<Kind> | undefined {
    const buffer = this.#buffer;
    if (buffer === undefined) return undefined;
    for (;;) {
      if (this.#at === this.#end && !this.#read(buffer)) return undefined;
      const at = this.#at;
      const length = buffer.readUInt16LE(at + LENGTH_AT);
      this.#at += length;
      const nameAt = at + NAME_AT;
      const end = endOfName(buffer, nameAt, at + length);
      if (isDots(buffer, nameAt, end)) continue;
      return { name: buffer.toString('latin1', nameAt, end) as ByteName, kind: this.kinds[buffer[at + TYPE_AT]!] };
    }
  }

  /** Safe to call twice. */
  close(): void {
    if (this.#buffer !== undefined && spares.length < SPARES_MAX) spares.push(this.#buffer);
    this.#buffer = undefined;
  }

  /** False: the end is reached. */
  #read(buffer: Buffer): boolean {
    this.#at = 0;
    this.#end = 0;
    for (;;) {
      const length = getdents64(this.fd, buffer);
      if (length >= 0) {
        this.#end = length;
        return length > 0;
      }
      const error = errno();
      if (error === ERRNO.ENOENT) return false;
      if (error !== ERRNO.EINTR) throw new LinuxError('getdents64', error);
    }
  }
}

/** The NUL is in the last 8 bytes; the bytes after it can have any value. */
function endOfName(buffer: Buffer, from: number, until: number): number {
  let end = Math.max(from, until - 8);
  while (buffer[end] !== 0) end += 1;
  return end;
}

const isDots = (buffer: Buffer, from: number, end: number): boolean =>
  buffer[from] === DOT && (end === from + 1 || (end === from + 2 && buffer[from + 1] === DOT));
