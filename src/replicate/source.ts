/**
 * SOURCE as a place that may go, come back, or be another one. What it lacks is removed from DEST, so what is not really
 * SOURCE must never be taken for an empty one: a mount point without its filesystem, a directory that was made anew.
 * Guarantees: `open` answers a root of which absence may be concluded from, or throws SourceMissing; the same is asked of
 * mounts below it by `refuseLost`.
 */
import { closeSync } from 'node:fs';
import { namesIn } from '../files/names-in.js';
import { folderOf } from '../files/places.js';
import {
  AT_FDCWD,
  type ByteName,
  LinuxError,
  nameOfText,
  O,
  openAt,
  type Stat,
  statAtOrNone,
  statFd,
} from '../linux/index.js';
import { CannotMirror, isGone, SourceMissing } from './failures.js';
import type { Marker } from './marker.js';
import type { Trees } from './trees.js';

export class Source {
  readonly #path: ByteName;
  readonly #mounts: Set<ByteName>;

  /** `known`: of the last run. `changed`: what is known has changed, and should be kept. */
  constructor(
    readonly path: string,
    private known: Pick<Marker, 'inode' | 'mounted' | 'mounts'> | undefined,
    private readonly changed: (known: Pick<Marker, 'inode' | 'mounted' | 'mounts'>) => void = () => {},
  ) {
    this.#path = nameOfText(path);
    this.#mounts = new Set((known?.mounts ?? []) as ByteName[]);
  }

  /** Errors: SourceMissing. */
  open(): number {
    let fd: number;
    try {
      fd = openAt(AT_FDCWD, this.#path, O.RDONLY | O.DIRECTORY, { resolve: 'any' });
    } catch (error) {
      if (error instanceof LinuxError) throw new SourceMissing(error.code);
      throw error;
    }
    try {
      this.#judge(fd);
      return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** A directory was met: notes it if it is where another mount begins. */
  noteMount(path: ByteName, stat: Stat, parent: Stat): void {
    if (mountOf(stat) === mountOf(parent) || this.#mounts.has(path)) return;
    this.#mounts.add(path);
    this.#keep({ ...this.known!, mounts: [...this.#mounts] });
  }

  /**
   * Throws where a filesystem that was mounted at or above the path is missing; of a path that is to be removed, also below it:
   * its place would go along. From here on it stays while the trees are open: a descriptor in it keeps it from being unmounted.
   */
  refuseLost(trees: Trees, path: ByteName, toRemove = false): void {
    for (const mount of this.#mounts) {
      const speaks = path === mount || path.startsWith(`${mount}/`) || (toRemove && mount.startsWith(`${path}/`));
      if (!speaks || isMounted(trees, mount)) continue;
      throw new CannotMirror('mount_missing', `the filesystem that was mounted at ${mount} is missing`);
    }
  }

  #judge(fd: number): void {
    const stat = statFd(fd);
    if (stat.nlink === 0) throw new SourceMissing('ENOENT');
    const parent = statAtOrNone(AT_FDCWD, `${this.#path}/..` as ByteName);
    const mounted = parent !== undefined && mountOf(parent) !== mountOf(stat);
    const inode = String(stat.ino);
    if (this.known?.mounted && !mounted) throw new SourceMissing('unmounted');
    if (this.known?.inode === inode && this.known.mounted === mounted) return;
    // A directory that was made anew, or the mount point below another one: that it is empty says nothing.
    if (this.known !== undefined && isEmpty(fd)) throw new SourceMissing('emptied');
    this.#keep({ inode, mounted, mounts: [...this.#mounts] });
  }

  #keep(known: Pick<Marker, 'inode' | 'mounted' | 'mounts'>): void {
    this.changed(known);
    this.known = known;
  }
}

function isMounted({ source }: Trees, mount: ByteName): boolean {
  try {
    return mountOf(statFd(source.directory(mount))) !== mountOf(statFd(source.directory(folderOf(mount))));
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

function isEmpty(fd: number): boolean {
  for (const _ of namesIn(fd)) return false;
  return true;
}

const mountOf = (stat: Stat): string => stat.mounted;
