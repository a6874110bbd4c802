/**
 * Both trees, open for a session: every path is resolved relative to these descriptors, and through no symlink.
 * Does not: live longer than its session. A descriptor that stays open would prevent an unmount.
 */
import { closeSync } from 'node:fs';
import { Directories } from '../../files/directories.js';
import { baseOf, folderOf } from '../../files/job-paths.js';
import { boundaryOf } from '../../files/mounts.js';
import { type ByteName, openDirectory, type Stat, shownName, statAtOrNone, statFd } from '../../linux/index.js';
import { CannotMirror, DestMissing, isGone } from './failures.js';
import { MAKING } from './leftovers.js';
import { limits } from './limits.js';
import { HIDDEN } from './rules.js';

export class Trees {
  readonly source: Directories;
  readonly dest: Directories;
  /** Directories of DEST with changes in them: their attributes must be set again, and they must be synced. */
  readonly touched = new Set<ByteName>();

  /** Directories of DEST that were moved into `making` to be removed: their names there. */
  readonly aside: ByteName[] = [];
  readonly lanes = new Lanes(limits.lanes);
  /** By directory of SOURCE: the names in it that a DEST that folds names may take for one, as they were when first asked for. */
  readonly alike = new Map<ByteName, Map<string, ByteName[]>>();
  #making: number | undefined;
  #folds: boolean | undefined;

  /** Takes over both descriptors. */
  constructor(sourceFd: number, destFd: number) {
    this.source = new Directories(sourceFd);
    const boundary = boundaryOf(statFd(destFd));
    this.dest = new Directories(destFd, undefined, (fd, path) => {
      if (boundaryOf(statFd(fd)) !== boundary) this.#refuseMounted(path);
    });
  }

  /** The directory for temporary files. Errors: DestMissing. */
  get making(): number {
    try {
      this.#making ??= openDirectory(this.dest.rootFd, `${HIDDEN}/${MAKING}` as ByteName);
      return this.#making;
    } catch (error) {
      throw isGone(error) ? new DestMissing('no_marker') : error;
    }
  }

  /** Undefined: nothing is at the path. Errors: any other failure of the stat. */
  inSource = (path: ByteName): Stat | undefined => statIn(this.source, path);
  inDest = (path: ByteName): Stat | undefined => statIn(this.dest, path);

  /** True if DEST takes another spelling of a name for the name. */
  folds = (): boolean => (this.#folds ??= this.inDest(HIDDEN.toUpperCase() as ByteName) !== undefined);

  /** A filesystem that is mounted below DEST is not of this mirror. Errors: CannotMirror, of its topmost directory. */
  #refuseMounted(path: ByteName): never {
    this.dest.directory(folderOf(path));
    throw new CannotMirror(
      'kept',
      `${shownName(path)} in DEST is on another filesystem or subvolume, which is left as it is; unmount it, or leave the directory out with --exclude`,
      path,
    );
  }

  close(): void {
    if (this.#making !== undefined) closeSync(this.#making);
    this.source.close();
    this.dest.close();
  }
}

/** Undefined: nothing is at the path. */
function statIn(directories: Directories, path: ByteName): Stat | undefined {
  try {
    return statAtOrNone(directories.directory(folderOf(path)), baseOf(path));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/**
 * Runs a bounded number of tasks at a time; the next one waits for a free lane.
 */
export class Lanes {
  readonly #running = new Set<Promise<void>>();
  #failed: { error: unknown } | undefined;

  constructor(private readonly max: number) {}

  /** Resolves when `work` has started. `idle` throws its errors. */
  async add(work: () => Promise<void>): Promise<void> {
    while (this.#running.size >= this.max) await Promise.race(this.#running);
    const running: Promise<void> = work()
      .catch((error: unknown) => {
        this.#failed ??= { error };
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when all tasks have ended. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    const failed = this.#failed;
    this.#failed = undefined;
    if (failed) throw failed.error;
  }
}
