/**
 * Writes lines to stderr, several in one call.
 * Guarantees: a line is never torn by another process's lines on the same pipe (at most PIPE_BUF bytes a call, unless
 * one line alone is longer); what is still held back is written when the process ends by itself. A reader that is slow is waited
 * for; one that stands still costs lines, which are counted, and never keeps this process from anything else.
 * Lines that an error takes (a full disk) are counted too, and the next one does not join half a line.
 * Does not: fail when nobody reads any more.
 */
import { writeSync } from 'node:fs';
import { type Attempt, attemptsOn, PIPE_BUF } from '../../linux/without-waiting.js';

/** So much is kept for a reader that has not taken it yet: some thousand lines. */
const BACKLOG_BYTES_MAX = 2 * 1_024 * 1_024;
/** Beyond that a slow reader is waited for. One that takes nothing for so long stands still, and nobody waits until it reads again. */
const PATIENCE_MS = 1_000;
const RETRY_MS = 5;
/** The backlog is offered again so often. */
const OFFER_EVERY_MS = 50;
const NEWLINE = 0x0a;
/** The reader has gone, and the work goes on without it. Any other error of a write (a full disk) may be over with the next line. */
const GONE = ['EPIPE', 'EBADF', 'ECONNRESET'];
const STDERR = 2;

export class LineWriter {
  readonly #held = Buffer.allocUnsafeSlow(PIPE_BUF);
  #heldBytes = 0;
  #due: NodeJS.Immediate | undefined;

  constructor() {
    process.on('exit', () => {
      this.flush();
      stderr.end();
    });
  }

  /** `line` ends in a newline. */
  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#heldBytes + bytes > PIPE_BUF) this.flush();
    if (bytes > PIPE_BUF) {
      stderr.put(Buffer.from(line));
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
    if (rest.length > 0) stderr.put(rest);
  }
}

/** The stderr of this process, shared by all of its writers. */
class Outlet {
  /** Lines that nobody read, since the start. */
  lost = 0;
  /** Logs how many lines were lost since it was called last. */
  onLost: (lines: number) => void = () => {};
  #attempt: Attempt | undefined;
  /** The first one may be taken in part. */
  #backlog: Buffer[] = [];
  #backlogBytes = 0;
  #standsStill = false;
  #unreported = 0;
  /** The end of what was written is half a line. */
  #isCut = false;
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    process.on('exit', () => this.end());
  }

  /** Writes what is left, unless its reader stands still. */
  end(): void {
    this.#offer(0);
  }

  /** Whole lines. */
  put(lines: Buffer): void {
    // The timer writes 64 KiB each time. The lines of 3,000 files a second are more than that.
    if (this.#backlogBytes > 0) this.#offerNow();
    if (this.#backlogBytes + lines.length > BACKLOG_BYTES_MAX) this.#offer(BACKLOG_BYTES_MAX - lines.length);
    if (this.#backlogBytes + lines.length > BACKLOG_BYTES_MAX) {
      this.#lose(lines);
      return;
    }
    const lost = this.lost;
    const rest = this.#backlogBytes === 0 ? lines.subarray(this.#taken(lines)) : lines;
    if (rest.length === 0) {
      if (this.lost === lost) this.#cameAll();
      return;
    }
    this.#backlog.push(Buffer.from(rest));
    this.#backlogBytes += rest.length;
    this.#timer ??= setInterval(() => this.#offerNow(), OFFER_EVERY_MS).unref();
  }

  /** Waits until no more than `most` bytes are left, or the reader stands still. */
  #offer(most: number): void {
    for (let sinceMs = performance.now(); this.#backlogBytes > most; ) {
      if (this.#offerNow()) sinceMs = performance.now();
      else if (this.#standsStill) return;
      else if (performance.now() - sinceMs > PATIENCE_MS) this.#standsStill = true;
      else Atomics.wait(sleeper, 0, 0, RETRY_MS);
    }
  }

  /** Answers whether some of it was taken. */
  #offerNow(): boolean {
    const before = this.#backlogBytes;
    for (let first = this.#backlog[0]; first !== undefined; first = this.#backlog[0]) {
      const taken = this.#taken(first);
      this.#backlogBytes -= taken;
      if (taken < first.length) {
        this.#backlog[0] = first.subarray(taken);
        break;
      }
      this.#backlog.shift();
    }
    if (this.#backlogBytes === before) return false;
    this.#standsStill = false;
    if (this.#backlogBytes === 0) this.#cameAll();
    return true;
  }

  /** How many bytes were taken, without waiting. */
  #taken(bytes: Buffer): number {
    let taken = 0;
    try {
      this.#attempt ??= attemptsOn(STDERR);
      if (this.#isCut && this.#attempt(Buffer.of(NEWLINE)) === 0) return 0;
      this.#isCut = false;
      for (let more = -1; more !== 0 && taken < bytes.length; taken += more)
        more = this.#attempt(bytes.subarray(taken));
      return taken;
    } catch (error) {
      if (!GONE.includes((error as NodeJS.ErrnoException).code!)) this.#lose(bytes.subarray(taken));
      this.#isCut ||= taken > 0 && bytes[taken - 1] !== NEWLINE;
      return bytes.length;
    }
  }

  #cameAll(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    const lines = this.#unreported;
    this.#unreported = 0;
    if (lines > 0) setImmediate(() => this.onLost(lines));
  }

  #lose(lines: Buffer): void {
    let count = 0;
    for (const byte of lines) if (byte === NEWLINE) count++;
    this.lost += count;
    this.#unreported += count;
  }
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

export const stderr = new Outlet();

/** Waits for who reads. Errors: Node's own of write(2): EPIPE where the reader has gone. */
export function writeAll(fd: number, bytes: Buffer): void {
  for (let rest = bytes; rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      // A full pipe that somebody made non-blocking: its reader is slow, so are we.
      Atomics.wait(sleeper, 0, 0, RETRY_MS);
    }
  }
}
