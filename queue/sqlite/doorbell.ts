/**
 * Tells other processes that a commit made jobs due: one byte written into a file that all watch.
 * Guarantees: written after the commit, so who hears it sees the jobs (the event of the `-wal` file comes before that);
 * who rings is not woken by its own ring. A failed ring is no error: `PRAGMA data_version` once a second is the net.
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
    /** Changes when another connection commits, and only then. */
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

  /** For this process's own stages: directly. */
  notifyHere(): void {
    for (const listener of this.#listeners) listener();
  }

  /** For all others. */
  ring(): void {
    try {
      writeSync(this.#fd, BELL, 0, 1, 0);
    } catch {
      // The net hears it within a second.
    }
  }

  close(): void {
    clearInterval(this.#net);
    this.#unwatch();
    this.#listeners.clear();
    closeSync(this.#fd);
  }

  /** Our own ring comes back to us too, but brings no other connection's commit. */
  #check(): void {
    const version = this.#versionOrNone();
    if (version === this.#seenVersion) return;
    this.#seenVersion = version;
    this.notifyHere();
  }

  /** Where the database cannot be read just now, whoever listens will find out by its own claim. */
  #versionOrNone(): number {
    try {
      return this.dataVersion();
    } catch {
      return -1;
    }
  }
}

/** No inotify instance to be had: the net alone. */
function watchOrNot(host: Host, path: string, listener: () => void): () => void {
  try {
    return host.watchModified(path, listener);
  } catch {
    return () => {};
  }
}
