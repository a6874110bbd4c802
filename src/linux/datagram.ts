/**
 * Sends one datagram to a unix socket, which Node's own modules cannot do.
 * Guarantees: never waits for the receiver; always closes its descriptor. Source: unix(7), sendto(2).
 */
import { closeSync } from 'node:fs';
import { LinuxError } from './error.js';
import { errno, sendto, socket } from './libc.js';
import { nameOfText } from './names.js';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** The size of sun_path, with the zero that ends it. */
const PATH_BYTES_MAX = 108;

/** `address`: an absolute path, or `@name` for the abstract namespace. Errors: LinuxError; RangeError for any other address. */
export function sendDatagram(address: string, text: string): void {
  const to = addressOf(address);
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new LinuxError('socket', errno());
  try {
    const bytes = Buffer.from(text);
    const sent = sendto(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL, to, to.length);
    if (sent < 0) throw new LinuxError('sendto', errno(), nameOfText(address));
  } finally {
    closeSync(fd);
  }
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
