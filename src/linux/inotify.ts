/**
 * inotify(7) with the overflow event, names as bytes, typed errors, watches by directory descriptor, and a `close()`
 * that really closes.
 * Guarantees: the callback gets each event, in the order of the kernel. If it throws, that causes an uncaught exception
 * and does not stop the reading. After `close()` it is not called, and no descriptor is left.
 * Does not: watch recursively, or recover from an overflow. It reports the kernel's limits and never changes them.
 */
import assert from 'node:assert/strict';
import { cString } from './c-string.js';
import { ERRNO, LinuxError } from './error.js';
import * as masks from './inotify-masks.js';
import { errno, inotify_add_watch, inotify_init1, inotify_rm_watch, read } from './libc.js';
import { type ByteName, nameOfText, type Text } from './names.js';
import { closeFd } from './open.js';
import { type Poll, pollInotify, surface } from './poll.js';

export interface InotifyEvent {
  /** The descriptor that `addWatch` returned; -1 for an overflow. */
  watch: number;
  mask: number;
  /** Equal for both halves of a rename; otherwise 0. */
  cookie: number;
  /** The entry of a watched directory. Absent if the event is about the watched path itself. */
  name?: ByteName;
}

export type InotifyCallback = (event: InotifyEvent) => void;

/**
 * The path to watch: text (UTF-8), the bytes of a path, or an open directory. The watch of an open directory survives
 * renames.
 */
export type WatchPlace = { path: Text } | { pathBytes: ByteName } | { directoryFd: number };
export type Watch = WatchPlace & { watch_for: number };

export interface InotifyOptions {
  /** False: an open instance does not keep the process alive. Default true. */
  persistent?: boolean;
}

/** O_NONBLOCK | O_CLOEXEC */
const INIT_FLAGS = 0o4000 | 0o2000000;
const HEADER_BYTES = 16;
/**
 * Room for about 2,000 events in one turn of the event loop. The poll is level-triggered and fires again for the rest.
 */
const CHUNK_BYTES = 65_536;
/** Undefined while it is in use: a callback may drain another instance. */
let spare: Buffer | undefined = Buffer.alloc(CHUNK_BYTES);
/** A header and the longest name with its padding. A chunk with more room left has all events that were queued. */
const EVENT_BYTES_MAX = HEADER_BYTES + 256;

export class Inotify {
  readonly #fd: number;
  readonly #poll: Poll;
  #open = true;
  #reading = false;

  /**
   * `callback` gets an overflow too: then events were lost, and the watched directories must be scanned. Errors:
   * LinuxError EMFILE if no instance (or descriptor) is available; the caller can scan instead.
   */
  constructor(
    private readonly callback: InotifyCallback,
    options: InotifyOptions = {},
  ) {
    this.#fd = inotify_init1(INIT_FLAGS);
    if (this.#fd < 0) throw initError(errno());
    try {
      this.#poll = pollInotify(this.#fd, () => this.#read());
    } catch (error) {
      closeFd(this.#fd);
      throw error;
    }
    if (options.persistent === false) this.#poll.unref();
  }

  /**
   * Returns the watch descriptor. A path that is already watched keeps its descriptor, and the newest mask replaces the
   * old one (IN_MASK_ADD adds to it). Errors: LinuxError; ENOSPC at the user's limit of watches.
   */
  addWatch(watch: Watch): number {
    assert(this.#open, 'this Inotify is closed');
    const path = pathOf(watch);
    // The path through /proc is itself a link, which must be followed.
    const mask = 'directoryFd' in watch ? watch.watch_for & ~masks.IN_DONT_FOLLOW : watch.watch_for;
    const descriptor = inotify_add_watch(this.#fd, cString(path, 'inotify_add_watch'), mask >>> 0);
    if (descriptor < 0) throw watchError(errno(), path);
    return descriptor;
  }

  /** Events that are queued already are delivered too. False: this watch did not exist any more. */
  removeWatch(descriptor: number): boolean {
    assert(this.#open, 'this Inotify is closed');
    if (inotify_rm_watch(this.#fd, descriptor) === 0) return true;
    const error = errno();
    // The kernel had already removed the watch; its IN_IGNORED is still queued.
    if (error === ERRNO.EINVAL) return false;
    throw new LinuxError('inotify_rm_watch', error);
  }

  /** Closes at once, even from a callback and with unread events. Safe to call twice. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#poll.close();
    closeFd(this.#fd);
  }

  /**
   * Delivers all events that are queued now, without waiting for the event loop. Does nothing inside the callback: the
   * reading that called it goes on after it.
   */
  drain(): void {
    while (this.#open && this.#read());
  }

  ref(): void {
    this.#poll.ref();
  }

  unref(): void {
    this.#poll.unref();
  }

  /** False: everything that was queued is read. */
  #read(): boolean {
    if (this.#reading) return false;
    const chunk = spare ?? Buffer.alloc(CHUNK_BYTES);
    spare = undefined;
    this.#reading = true;
    try {
      const length = this.#readInto(chunk);
      for (let at = 0; at < length && this.#open; ) {
        const nameBytes = chunk.readUInt32LE(at + 12);
        this.#dispatch(chunk, at, nameBytes);
        at += HEADER_BYTES + nameBytes;
      }
      return length > CHUNK_BYTES - EVENT_BYTES_MAX;
    } finally {
      this.#reading = false;
      spare = chunk;
    }
  }

  /** Not `readSync`: an empty queue would cost an error with its stack, and a consumer asks for each of its events. */
  #readInto(chunk: Buffer): number {
    const length = read(this.#fd, chunk, CHUNK_BYTES);
    if (length >= 0) return length;
    const error = errno();
    if (error === ERRNO.EAGAIN || error === ERRNO.EINTR) return 0;
    throw new LinuxError('read', error);
  }

  #dispatch(chunk: Buffer, at: number, nameBytes: number): void {
    const watch = chunk.readInt32LE(at);
    const event: InotifyEvent = { watch, mask: chunk.readUInt32LE(at + 4), cookie: chunk.readUInt32LE(at + 8) };
    if (nameBytes > 0) event.name = nameAt(chunk, at + HEADER_BYTES, nameBytes);

    try {
      this.callback(event);
    } catch (error) {
      surface(error);
    }
  }
}

function pathOf(watch: WatchPlace): ByteName {
  if ('directoryFd' in watch) return `/proc/self/fd/${watch.directoryFd}` as ByteName;
  return 'pathBytes' in watch ? watch.pathBytes : nameOfText(watch.path);
}

/** The kernel pads names with NULs. */
function nameAt(chunk: Buffer, at: number, length: number): ByteName {
  const end = chunk.indexOf(0, at);
  return chunk.toString('latin1', at, end < 0 || end > at + length ? at + length : end) as ByteName;
}

function initError(error: number): LinuxError {
  const hint = error === ERRNO.EMFILE ? 'fs.inotify.max_user_instances, or the limit of open files, is reached' : '';
  return new LinuxError('inotify_init1', error, '', hint);
}

function watchError(error: number, path: ByteName): LinuxError {
  const hint = error === ERRNO.ENOSPC ? 'fs.inotify.max_user_watches is reached' : '';
  return new LinuxError('inotify_add_watch', error, path, hint);
}
