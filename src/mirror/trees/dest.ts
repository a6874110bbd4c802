/**
 * DEST as a root: claimed by one process, and recognised by the hidden folder in it, so that no other folder is used in
 * its place.
 * Guarantees: the claim removes temporary files of a killed process. If DEST is missing, it is closed, and claimed
 * again when it is back.
 * Does not: check whether it may be claimed (check-dest.ts).
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { closeSync, fsyncSync } from 'node:fs';
import { EnvironmentError } from '../../base/errors.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { namesIn } from '../../files/names-in.js';
import { errnoOf, unlessRefused } from '../../files/place-error.js';
import {
  AT_FDCWD,
  type ByteName,
  LinuxError,
  makeDirectoryAt,
  nameOfText,
  O,
  openAt,
  openDirectory,
  openLockFile,
  type SharedLockFile,
  setTimes,
  statAtOrNone,
  statFd,
  unlinkAt,
} from '../../linux/index.js';
import { markerIn, openRoot } from './check-dest.js';
import { stepOf } from './compare.js';
import { DestMissing } from './failures.js';
import { MAKING, removeAside } from './leftovers.js';
import { type Marker, writeMarker } from './marker.js';
import { HIDDEN } from './rules.js';

const LOCK_BYTE = 0;
/** One second, followed by nine different digits. */
const ODD_NS = 1_123_456_789n;
const PROBE = nameOfText('times');

interface Claimed {
  /** Device and inode of the hidden folder. */
  dev: number;
  ino: bigint;
  lock: SharedLockFile;
}

export class Dest {
  #count = 0;
  #claimed: Claimed | undefined;
  readonly #path: ByteName;

  private constructor(
    readonly path: string,
    private marker: Marker,
    private readonly emit: Emit,
  ) {
    this.#path = nameOfText(path);
  }

  /**
   * Claims DEST and removes the temporary files of a killed process. Errors: EnvironmentError `dest_in_use`, those of
   * the calls.
   */
  static async claim(dest: string, marker: Marker, emit: Emit): Promise<Dest> {
    const claimed = new Dest(dest, { ...marker, id: marker.id ?? randomUUID() }, emit);
    const fd = openRoot(dest);
    try {
      await claimed.#takeHidden(madeDirectory(fd, HIDDEN));
      // A full DEST keeps its earlier marker until there is room: removals may make it.
      if (marker.id === undefined) claimed.remember({});
      else unlessRefused(() => claimed.remember({}));
      fsyncSync(fd);
      return claimed;
    } catch (error) {
      claimed.close();
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  /** The resolution of times in DEST, in nanoseconds. */
  get stepNs(): number {
    return this.marker.stepNs!;
  }

  /** False after `close`. */
  get isClaimed(): boolean {
    return this.#claimed !== undefined;
  }

  /** Claims DEST again after `close`. Errors: DestMissing if the path does not lead to it. */
  async claimAgain(): Promise<void> {
    try {
      const fd = openAt(AT_FDCWD, this.#path, O.RDONLY | O.DIRECTORY, { resolve: 'any' });
      try {
        if (markerIn(fd)?.id !== this.marker.id) throw new DestMissing('no_marker');
        await this.#takeHidden(openDirectory(fd, HIDDEN));
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      const code = error instanceof EnvironmentError ? error.code : errnoOf(error);
      throw code === undefined ? error : new DestMissing(code);
    }
  }

  /** Errors: DestMissing if the path leads to another folder by now, or to none. */
  open(): number {
    let fd: number | undefined;
    try {
      fd = openAt(AT_FDCWD, this.#path, O.RDONLY | O.DIRECTORY, { resolve: 'any' });
      const hidden = statAtOrNone(fd, HIDDEN);
      if (hidden !== undefined && hidden.ino === this.#claimed?.ino && hidden.dev === this.#claimed.dev) return fd;
      throw new DestMissing('no_marker');
    } catch (error) {
      if (fd !== undefined) closeSync(fd);
      throw error instanceof LinuxError ? new DestMissing(error.code) : error;
    }
  }

  get isThere(): boolean {
    try {
      closeSync(this.open());
      return true;
    } catch (error) {
      if (error instanceof DestMissing) return false;
      throw error;
    }
  }

  /** A name that was never used in this run, and is short enough for any filesystem. */
  newName = (): ByteName => nameOfText(`${++this.#count}.${randomBytes(4).toString('hex')}`);

  /**
   * When it returns, the marker is written with these fields and the earlier ones. Errors: DestMissing, those of the
   * calls.
   */
  remember(more: Partial<Marker>): void {
    const marker = { ...this.marker, ...more };
    const fd = this.open();
    try {
      const hidden = openDirectory(fd, HIDDEN);
      try {
        writeMarker(hidden, marker);
      } finally {
        closeSync(hidden);
      }
    } finally {
      closeSync(fd);
    }
    this.marker = marker;
  }

  /** Afterwards its filesystem can be unmounted. Safe to call twice. */
  close(): void {
    this.#claimed?.lock.close();
    this.#claimed = undefined;
  }

  /** Takes over the descriptor `hidden`. */
  async #takeHidden(hidden: number): Promise<void> {
    let lock: SharedLockFile | undefined;
    try {
      lock = openLockFile(`/proc/self/fd/${hidden}/lock`);
      if (!lock.tryLockExclusive(LOCK_BYTE))
        throw new EnvironmentError(
          'dest_in_use',
          `DEST must be the mirror of one process, but another mirror (ingest-replicate, or a program with this library) works on ${this.path}; stop that one first.`,
        );
      const { dev, ino } = statFd(hidden);
      const making = madeDirectory(hidden, MAKING);
      try {
        for (const name of namesIn(making)) await removeAside(making, name, this.path, this.emit);
        this.marker = { ...this.marker, stepNs: Number(stepOfTimes(making)) };
      } finally {
        closeSync(making);
      }
      this.#claimed = { dev, ino, lock };
    } catch (error) {
      // It is tried again until it succeeds.
      lock?.close();
      throw error;
    } finally {
      closeSync(hidden);
    }
  }
}

function madeDirectory(dir: number, name: ByteName): number {
  try {
    makeDirectoryAt(dir, name, 0o700);
    fsyncSync(dir);
  } catch (error) {
    if (!(error instanceof LinuxError) || error.code !== 'EEXIST') throw error;
  }
  return openDirectory(dir, name);
}

function stepOfTimes(making: number): bigint {
  const fd = openAt(making, PROBE, O.RDWR | O.CREAT | O.EXCL | O.NOFOLLOW, { mode: 0o600 });
  try {
    setTimes(fd, ODD_NS, ODD_NS);
    return stepOf(ODD_NS, statFd(fd).mtimeNs);
  } finally {
    closeSync(fd);
    unlinkAt(making, PROBE);
  }
}
