/**
 * Writes without waiting for the reader: to a shared descriptor, and a datagram to a unix socket, which Node's own modules cannot do.
 * Guarantees: O_NONBLOCK is never set on a description that others share (a shell's terminal, the pipe of a whole
 * pipeline), because the flag belongs to the open file description. A pipe or terminal is opened again, which gives a
 * description of our own; a socket takes the flag with each call. If the second open is refused (another user's pipe,
 * after `sudo -u`), poll(2) is asked before each piece.
 * Does not: avoid waiting for a regular file; its filesystem decides. Source: pipe(7), proc_pid_fd(5), send(2), unix(7).
 */
import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { ERRNO, LinuxError } from './error.js';
import { errno, poll, sendto, socket } from './libc.js';
import { nameOfText } from './names.js';
import { withFd } from './open.js';

/**
 * Returns how many bytes were taken; 0: there is no room now. Errors: those of write(2); EPIPE if the reader has gone.
 */
export type Attempt = (bytes: Buffer) => number;

/** pipe(7): a write of up to this many bytes is taken whole or not at all. */
export const PIPE_BUF = 4_096;

const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const POLLOUT = 0x4;

export function attemptsOn(fd: number): Attempt {
  const stat = fstatSync(fd);
  if (stat.isSocket()) return (bytes) => sent(fd, bytes);
  if (!stat.isFIFO() && !stat.isCharacterDevice()) return (bytes) => writeSync(fd, bytes);
  const own = openedAgain(fd);
  return own === undefined ? (bytes) => polled(fd, bytes) : (bytes) => written(own, bytes);
}

function openedAgain(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined;
  }
}

function written(fd: number, bytes: Buffer): number {
  try {
    return writeSync(fd, bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
    throw error;
  }
}

function sent(fd: number, bytes: Buffer): number {
  const count = sendto(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL, null, 0);
  if (count >= 0) return count;
  if (errno() === ERRNO.EAGAIN) return 0;
  throw new LinuxError('sendto', errno());
}

/** A pipe is writable while a whole PIPE_BUF fits. If another writer takes that room first, this write waits. */
function polled(fd: number, bytes: Buffer): number {
  const asked = Buffer.alloc(8);
  asked.writeInt32LE(fd, 0);
  asked.writeInt16LE(POLLOUT, 4);
  if (poll(asked, 1, 0) <= 0) return 0;
  return written(fd, bytes.subarray(0, PIPE_BUF));
}

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
/** The size of sun_path, with the zero that ends it. */
const PATH_BYTES_MAX = 108;

/** Sends one datagram. `address`: an absolute path, or `@name` for the abstract namespace. Errors: LinuxError; RangeError for any other address. */
export function sendDatagram(address: string, text: string): void {
  const to = addressOf(address);
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new LinuxError('socket', errno());
  withFd(fd, () => {
    const bytes = Buffer.from(text);
    const sent = sendto(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL, to, to.length);
    if (sent < 0) throw new LinuxError('sendto', errno(), nameOfText(address));
  });
}

/** struct sockaddr_un. It is only as long as its path, because the length of the struct ends an abstract name. */
function addressOf(address: string): Buffer {
  const path = Buffer.from(address);
  if (!/^[/@]./.test(address) || path.length >= PATH_BYTES_MAX)
    throw new RangeError(`${JSON.stringify(address)} is no address of a unix socket: a path, or @ and a name`);
  if (address.startsWith('@')) path[0] = 0;
  const family = Buffer.alloc(2);
  family.writeUInt16LE(AF_UNIX);
  return Buffer.concat([family, path]);
}
