/**
 * DEST as a place: claimed once by one process, told by the hidden folder in it, never another folder than that.
 * Guarantees: a folder with content that is not a mirror of this SOURCE is refused, whatever was typed, unless --adopt says so;
 * what a killed process was making is removed at the claim.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync } from 'node:fs';
import { EnvironmentError, OperatorError } from '../errors.js';
import { MARKER as ROOT_MARKER } from '../files/marker.js';
import { namesIn } from '../files/names-in.js';
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
  shownName,
  statAtOrNone,
  statFd,
  unlinkAt,
} from '../linux/index.js';
import { firstContent } from './content.js';
import { stepOf } from './difference.js';
import { DestMissing } from './failures.js';
import { type Marker, readMarker, type SourceSeen, writeMarker } from './marker.js';
import { removeTree } from './remove-tree.js';
import { HIDDEN, LOST_AND_FOUND, type Rules } from './rules.js';
import { MAKING } from './trees.js';

const LOCK_BYTE = 0;
/** A second with nine different digits behind it. */
const ODD_NS = 1_123_456_789n;
const PROBE = nameOfText('times');

export interface Claim {
  dest: string;
  source: string;
  adopt: boolean;
}

/** What a claim finds there, without changing anything. Errors: OperatorError, EnvironmentError. */
export function lookAtDest({ dest, source, adopt }: Claim): Marker | undefined {
  const fd = openRoot(dest);
  try {
    if (statAtOrNone(fd, ROOT_MARKER)) {
      throw new OperatorError(
        'dest_is_a_root',
        `DEST must not be a folder of an ingestor, but ${dest} has its marker ${shownName(ROOT_MARKER)}; name another directory.`,
      );
    }
    const marker = markerIn(fd);
    if (marker === undefined && !adopt) refuseContent(fd, dest);
    if (marker !== undefined && marker.source !== source && !adopt) {
      throw new OperatorError(
        'dest_of_another_source',
        `DEST must be the mirror of ${source}, but ${dest} is that of ${marker.source}; name the right one, or add --adopt once if that directory was moved.`,
      );
    }
    // Adopted anew: what was known of SOURCE as a place counts no longer.
    return adopt ? undefined : marker;
  } finally {
    closeSync(fd);
  }
}

/** Whether there is anything that a mirror by these rules would remove. Errors: EnvironmentError. */
export function hasContent(dest: string, rules: Rules): boolean {
  const fd = openRoot(dest);
  try {
    return firstContent(fd, rules) !== undefined;
  } finally {
    closeSync(fd);
  }
}

export class Dest {
  #count = 0;
  readonly #path: ByteName;

  private constructor(
    readonly path: string,
    private readonly id: { dev: number; ino: bigint },
    private readonly lock: SharedLockFile,
    /** Of times. */
    readonly stepNs: bigint,
  ) {
    this.#path = nameOfText(path);
  }

  /** Makes it ours, and removes what a killed process left. */
  static async claim({ dest, source }: Claim, seen: SourceSeen): Promise<Dest> {
    const fd = openRoot(dest);
    try {
      const hidden = madeDirectory(fd, HIDDEN);
      try {
        const lock = openLockFile(`/proc/self/fd/${hidden}/lock`);
        if (!lock.tryLockExclusive(LOCK_BYTE)) {
          lock.close();
          throw new EnvironmentError(
            'dest_in_use',
            `DEST must be the mirror of one process, but another ingest-replicate works on ${dest}; stop that one first.`,
          );
        }
        closeSync(madeDirectory(hidden, MAKING));
        await removeTree(hidden, MAKING);
        const making = madeDirectory(hidden, MAKING);
        const stepNs = stepOfTimes(making);
        closeSync(making);
        writeMarker(hidden, { ...seen, version: 1, source });
        fsyncSync(fd);
        const { dev, ino } = statFd(hidden);
        return new Dest(dest, { dev, ino }, lock, stepNs);
      } finally {
        closeSync(hidden);
      }
    } finally {
      closeSync(fd);
    }
  }

  /** Errors: DestMissing where the path leads to another folder by now, or to none. */
  open(): number {
    let fd: number;
    try {
      fd = openAt(AT_FDCWD, this.#path, O.RDONLY | O.DIRECTORY, { resolve: 'any' });
    } catch (error) {
      if (error instanceof LinuxError) throw new DestMissing(error.code);
      throw error;
    }
    const hidden = statAtOrNone(fd, HIDDEN);
    if (hidden?.ino === this.id.ino && hidden.dev === this.id.dev) return fd;
    closeSync(fd);
    throw new DestMissing('no_marker');
  }

  /** Never used before in this run, and no longer than any name may be. */
  newName = (): ByteName => nameOfText(`${++this.#count}.${randomBytes(4).toString('hex')}`);

  remember(marker: Marker): void {
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
  }

  close(): void {
    this.lock.close();
  }
}

function openRoot(dest: string): number {
  try {
    return openAt(AT_FDCWD, nameOfText(dest), O.RDONLY | O.DIRECTORY, { resolve: 'any' });
  } catch (error) {
    if (!(error instanceof LinuxError)) throw error;
    throw new EnvironmentError(
      'directory_unusable',
      `DEST must be a directory that can be used, but ${dest} cannot be opened (${error.code}); check the path and its permissions.`,
    );
  }
}

function markerIn(fd: number): Marker | undefined {
  if (statAtOrNone(fd, HIDDEN)?.kind !== 'directory') return undefined;
  const hidden = openDirectory(fd, HIDDEN);
  try {
    return readMarker(hidden);
  } finally {
    closeSync(hidden);
  }
}

function refuseContent(fd: number, dest: string): void {
  for (const name of namesIn(fd)) {
    if (name === HIDDEN || name === LOST_AND_FOUND) continue;
    throw new OperatorError(
      'dest_not_ours',
      `DEST must be empty or a mirror that was made here, but ${dest} has content (${shownName(name)}), which would be removed where SOURCE does not have it; name another directory, or add --adopt once to take this one over.`,
    );
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
