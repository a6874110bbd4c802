/**
 * Checks paths below an open root, and never through a symlink: a directory that was swapped for one leads nowhere.
 */
import { Directories } from '../../files/directories.js';
import { LinuxError, openDirectory, type Stat, statAtOrNone, statFd } from '../../linux/index.js';
import { type ByteName, nameOfText } from '../../linux/names.js';
import { KINDS } from '../backend/linux-backend.js';
import type { FileKind, OpenRoot } from '../backend/types.js';
import type { Seen } from './delivered-tree.js';
import { isRacy, type Looker, timesAreExact } from './looker.js';

const HERE = nameOfText('.');
/** A symlink or a file is where a directory of the path was, so the path is gone. */
const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

export class LinuxLooker implements Looker {
  readonly #exactDevice: number | undefined;
  #directories: Directories;
  #open = true;

  constructor(private readonly root: OpenRoot) {
    // A filesystem mounted below the root may store times differently.
    this.#exactDevice = timesAreExact(root.fd) ? statFd(root.fd).dev : undefined;
    this.#directories = new Directories(openDirectory(root.fd, HERE));
  }

  look(path: ByteName, uncached = false): Seen | undefined {
    try {
      const { dir, name } = uncached ? { dir: this.#directories.rootFd, name: path } : this.#directories.entry(path);
      const stat = statAtOrNone(dir, name);
      return stat === undefined ? undefined : new SeenStat(stat, stat.dev === this.#exactDevice);
    } catch (error) {
      if (error instanceof LinuxError && GONE.has(error.code)) return undefined;
      throw error;
    }
  }

  forget(): void {
    const directories = new Directories(openDirectory(this.root.fd, HERE));
    this.#directories.close();
    this.#directories = directories;
  }

  close(): void {
    if (this.#open) this.#directories.close();
    this.#open = false;
  }
}

/** Computes its texts when they are read: most checks only ask whether anything is there. */
class SeenStat implements Seen {
  readonly kind: FileKind;
  readonly doubted: boolean;

  constructor(
    private readonly stat: Stat,
    isExact: boolean,
  ) {
    this.kind = KINDS[stat.kind];
    this.doubted = !this.#isDirectory && isRacy(stat.ctimeMs, isExact);
  }

  get ino(): number {
    return Number(this.stat.ino);
  }
  get file(): string {
    return this.stat.file;
  }
  get content(): string {
    return this.#isDirectory ? '' : this.stat.content;
  }
  get changed(): string {
    return this.#isDirectory ? '' : this.stat.changed;
  }
  get links(): number {
    return this.#isDirectory ? 1 : this.stat.nlink;
  }

  get #isDirectory(): boolean {
    return this.kind === 'directory';
  }
}
