/**
 * Writes lines to stderr, several in one call.
 * Guarantees: a line is never torn by another process's lines on the same pipe (at most PIPE_BUF bytes a call, unless
 * one line alone is longer); what is still held back is written when the process ends by itself.
 * Does not: fail when nobody reads any more.
 */
import { writeSync } from 'node:fs';

/** pipe(7): writes of up to this many bytes are atomic. */
const PIPE_BUF = 4_096;

export class LineWriter {
  readonly #held = Buffer.allocUnsafeSlow(PIPE_BUF);
  #heldBytes = 0;
  #due: NodeJS.Immediate | undefined;

  constructor(private readonly fd = 2) {
    process.on('exit', () => this.flush());
  }

  /** `line` ends in a newline. */
  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#heldBytes + bytes > PIPE_BUF) this.flush();
    if (bytes > PIPE_BUF) {
      this.#writeAll(Buffer.from(line));
      return;
    }
    this.#heldBytes += this.#held.write(line, this.#heldBytes);
    this.#due ??= setImmediate(() => this.flush());
  }

  flush(): void {
    clearImmediate(this.#due);
    this.#due = undefined;
    const rest = this.#held.subarray(0, this.#heldBytes);
    this.#heldBytes = 0;
    this.#writeAll(rest);
  }

  #writeAll(bytes: Buffer): void {
    try {
      writeAll(this.fd, bytes);
    } catch {
      // EPIPE: the reader has gone, and the work goes on without it.
    }
  }
}

/** Errors: Node's own of write(2): EPIPE where the reader has gone. */
export function writeAll(fd: number, bytes: Buffer): void {
  for (let rest = bytes; rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      // A full pipe that somebody made non-blocking: its reader is slow, so are we.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
