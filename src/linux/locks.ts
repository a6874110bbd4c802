/**
 * Locks on single bytes of a file that belong to the open file description (F_OFD_SETLK). They end with the descriptor
 * or the process, across threads and pid namespaces. Closing another descriptor of the same file does not release them,
 * as it would with POSIX locks.
 * Guarantees: the descriptor is close-on-exec, so no child keeps a lock. Source: fcntl(2), "Open file description
 * locks".
 */
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import type { LockFile } from '../../queue/backend.js';
import { ERRNO, LinuxError } from './error.js';
import { errno, fcntl } from './libc.js';
import { nameOfText, type Text } from './names.js';

const F_OFD_GETLK = 36;
const F_OFD_SETLK = 37;
const LOCK = { shared: 0, exclusive: 1, none: 2 } as const;
type LockType = (typeof LOCK)[keyof typeof LOCK];

/** struct flock with 64-bit offsets: type, whence, (pad), start, length, pid (must be 0 for these locks). */
const flock = new DataView(new ArrayBuffer(32));
const flockBytes = new Uint8Array(flock.buffer);

export type SharedLockFile = LockFile;

/**
 * Opens `path`, and creates it with 0600 if it is missing. With `forReading` it must exist, and can be locked only shared; this
 * works on a read-only filesystem too. Errors: Node's own errors of `open`.
 */
export function openLockFile(path: Text, { forReading = false } = {}): SharedLockFile {
  const fd = openSync(path, forReading ? constants.O_RDONLY : constants.O_RDWR | constants.O_CREAT, 0o600);
  const own = new Set<number>();
  let open = true;

  function set(type: LockType, byte: number): boolean {
    describe(type, byte, 1);
    if (fcntl(fd, F_OFD_SETLK, 'uint8_t *', flockBytes) === 0) {
      if (type === LOCK.none) own.delete(byte);
      else own.add(byte);
      return true;
    }
    const error = errno();
    if (error === ERRNO.EAGAIN || error === ERRNO.EACCES) return false;
    throw new LinuxError('fcntl(F_OFD_SETLK)', error, nameOfText(path));
  }

  function firstLocked(from: number, bytes: number): number | undefined {
    describe(LOCK.exclusive, from, bytes);
    if (fcntl(fd, F_OFD_GETLK, 'uint8_t *', flockBytes) < 0) {
      throw new LinuxError('fcntl(F_OFD_GETLK)', errno(), nameOfText(path));
    }
    return flock.getInt16(0, true) === LOCK.none ? undefined : Math.max(from, Number(flock.getBigInt64(8, true)));
  }

  return {
    tryLockExclusive: (byte) => set(LOCK.exclusive, byte),
    tryLockShared: (byte) => set(LOCK.shared, byte),
    unlock: (byte) => void set(LOCK.none, byte),
    // The kernel reports only locks of other descriptions.
    isLocked: (byte) => own.has(byte) || firstLocked(byte, 1) !== undefined,
    firstLocked,
    write(at, bytes) {
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, at + done);
    },
    /** Returns fewer than `length` bytes at the end of the file. */
    read(at, length) {
      const bytes = Buffer.alloc(length);
      return bytes.subarray(0, readSync(fd, bytes, 0, length, at));
    },
    close() {
      if (open) closeSync(fd);
      open = false;
    },
  };
}

function describe(type: LockType, byte: number, length: number): void {
  flockBytes.fill(0);
  flock.setInt16(0, type, true);
  flock.setBigInt64(8, BigInt(byte), true);
  flock.setBigInt64(16, BigInt(length), true);
}
