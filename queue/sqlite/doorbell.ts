/**
 * Notifies other processes that a commit made jobs due: writes one byte into a file that all of them watch.
 * Guarantees: the byte is written after the commit, so a notified process sees the jobs (an event of the `-wal` file
 * would come earlier). A process is not woken by its own ring. A failed ring is no error: `PRAGMA data_version` is
 * checked once a second.
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import type { Host } from '../backend.js';
import { limits } from '../limits.js';

const BELL = Buffer.from('!');

export class Doorbell {
  readonly #listeners = new Set<() => void>();
  readonly #fd: number;
  readonly #unwatch: () => void;
  readonly #net: NodeJS.Timeout;
  #seenVersion: number;

  constructor(
    host: Host,
    path: string,
    /** Changes if another connection commits, and only then. */
    readonly dataVersion: () => number,
  ) {
    this.#fd = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o600);
    this.#seenVersion = dataVersion();
    this.#unwatch = watchOrNot(host, path, () => this.#check());
    this.#net = setInterval(() => this.#check(), limits.dataVersionEveryMs);
    this.#net.unref();
  }

  onWork(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Notifies this process's own stages, directly. */
  notifyHere(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Notifies all other processes. */
  ring(): void {
    try {
      writeSync(this.#fd, BELL, 0, 1, 0);
    } catch {
      // They notice it within a second by data_version.
    }
  }

  close(): void {
    clearInterval(this.#net);
    this.#unwatch();
    this.#listeners.clear();
    closeSync(this.#fd);
  }

  /** Our own ring arrives here too, but then no other connection has committed. */
  #check(): void {
    const version = this.#versionOrNone();
    if (version === this.#seenVersion) return;
    this.#seenVersion = version;
    this.notifyHere();
  }

  /** If the database cannot be read now, the listeners notice that by their own claims. */
  #versionOrNone(): number {
    try {
      return this.dataVersion();
    } catch {
      return -1;
    }
  }
}

/** If no inotify instance is available, only data_version is checked. */
function watchOrNot(host: Host, path: string, listener: () => void): () => void {
  try {
    return host.watchModified(path, listener);
  } catch {
    return () => {};
  }
}
