/**
 * The socket of a service manager: collects the datagrams of a daemon.
 * It reads also while a test waits for something else: the kernel keeps ten datagrams, and refuses the next one.
 */
import koffi from 'koffi';
import { LinuxError } from '../../src/linux/index.js';

const libc = koffi.load(null);
const socket = libc.func('int socket(int domain, int type, int protocol)');
const bind = libc.func('int bind(int fd, const uint8_t *address, uint32_t length)');
const recv = libc.func('long recv(int fd, uint8_t *into, size_t length, int flags)');
const close = libc.func('int close(int fd)');

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;
const EAGAIN = 11;
const READ_MS = 20;

export class Manager {
  readonly heard: string[] = [];
  readonly #fd: number;
  readonly #reading: NodeJS.Timeout;

  /** `address` as in NOTIFY_SOCKET. */
  constructor(readonly address: string) {
    this.#fd = socket(AF_UNIX, SOCK_DGRAM, 0) as number;
    const path = Buffer.from(address.replace(/^@/, '\0'));
    const to = Buffer.concat([Buffer.from([AF_UNIX, 0]), path]);
    if ((bind(this.#fd, to, to.length) as number) < 0) throw new LinuxError('bind', koffi.errno());
    this.#reading = setInterval(() => this.read(), READ_MS).unref();
  }

  /** Everything received so far. */
  read(): string[] {
    const into = Buffer.alloc(4_096);
    for (;;) {
      const length = Number(recv(this.#fd, into, into.length, MSG_DONTWAIT));
      if (length < 0 && koffi.errno() === EAGAIN) return this.heard;
      if (length < 0) throw new LinuxError('recv', koffi.errno());
      this.heard.push(into.toString('utf8', 0, length));
    }
  }

  /** How often a line was received. */
  times(line: string): number {
    return this.read().filter((text) => text.split('\n').includes(line)).length;
  }

  close(): void {
    clearInterval(this.#reading);
    close(this.#fd);
  }
}
