/**
 * The root directory as a place that may go, come back, or be another one.
 * It is opened for a stretch of work and closed again, so an idle watcher keeps nobody from unmounting it.
 * Guarantees: what is done in one stretch is done in one directory; a root that was a mount point and is none now is
 * missing, not empty.
 */
import { closeSync } from 'node:fs';
import { AT_FDCWD, LinuxError, O, openAt, type Stat, statAtOrNone, statFd } from '../../linux/index.js';
import type { ByteName } from '../../linux/names.js';

export type RootState = 'same' | 'first' | 'replaced';

export class RootMissing extends Error {
  constructor(readonly code: string) {
    super(`the root is missing: ${code}`);
  }
}

export class Root {
  #fd = -1;
  #id = '';
  #wasMount = false;

  constructor(private readonly path: ByteName) {}

  get fd(): number {
    return this.#fd;
  }

  /** Opens the root if it is not open; throws RootMissing. `replaced`: it is not the directory of the last time. */
  enter(): RootState {
    if (this.#fd >= 0) {
      if (this.#stillThere()) return 'same';
      this.leave();
    }
    const { fd, stat } = openRoot(this.path);
    const id = idOf(stat);
    if (id !== this.#id) {
      const mounted = this.#isMountPoint(stat);
      if (this.#wasMount && !mounted) {
        closeSync(fd);
        throw new RootMissing('unmounted');
      }
      this.#wasMount = mounted;
    }
    const state = id === this.#id ? 'same' : this.#id === '' ? 'first' : 'replaced';
    this.#id = id;
    this.#fd = fd;
    return state;
  }

  /** Safe to call twice. */
  leave(): void {
    if (this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
  }

  /** The directory was removed or its filesystem went: whatever comes next is another one, even with the same inode. */
  forget(): void {
    this.leave();
    if (this.#id !== '') this.#id = 'gone';
  }

  #stillThere(): boolean {
    try {
      const { fd, stat } = openRoot(this.path);
      closeSync(fd);
      // A removed directory's inode number is given to the next one at once; without links ours is the removed one.
      return idOf(stat) === this.#id && statFd(this.#fd).nlink > 0;
    } catch (error) {
      if (error instanceof RootMissing) return false;
      throw error;
    }
  }

  #isMountPoint(stat: Stat): boolean {
    const parent = statAtOrNone(AT_FDCWD, `${this.path}/..` as ByteName);
    return parent !== undefined && mountOf(parent) !== mountOf(stat);
  }
}

function openRoot(path: ByteName): { fd: number; stat: Stat } {
  try {
    const fd = openAt(AT_FDCWD, path, O.RDONLY | O.DIRECTORY, { resolve: 'any' });
    return { fd, stat: statFd(fd) };
  } catch (error) {
    if (error instanceof LinuxError) throw new RootMissing(error.code);
    throw error;
  }
}

const idOf = (stat: Stat): string => `${mountOf(stat)}:${stat.dev}:${stat.ino}`;

/** A bind mount has the device of its source, so the mount's own number is asked for where the kernel has one. */
export const mountOf = (stat: Stat): string => String(stat.mountId ?? stat.dev);
