/**
 * The directories of one feed, opened for one batch. Each root is opened at its first use, and its marker is checked before
 * anything is done in it. A root that is missing, not mounted or not ours is a PlaceError, never a plain ENOENT of some file.
 * Does not: keep a descriptor after `close()`. An open descriptor would make a later unmount fail with EBUSY.
 */
import assert from 'node:assert/strict';
import { Directories, type Entry } from '../../files/directories.js';
import { folderOf, type Part, UNDERPROCESS, workName } from '../../files/job-paths.js';
import { readMarker } from '../../files/marker.js';
import { mountsBelow } from '../../files/mounts.js';
import { errnoOf, inPlace, PlaceError, type PlaceKind, placeError, SERVER_GONE } from '../../files/place-error.js';
import { FsKinds } from '../../files/probe.js';
import {
  AT_FDCWD,
  type ByteName,
  bytesOfName,
  joinNames,
  LinuxError,
  nameOfText,
  O,
  openAt,
  openDirectory,
  type Stat,
  shownName,
  statAtOrNone,
} from '../../linux/index.js';

/** The paths of a feed's roots, and the id that each marker must have. `undefined`: not set up yet. */
export interface Roots {
  input: string;
  work: string;
  manifests: string;
  warehouse: string;
  markers: { work?: string; manifests?: string; warehouse?: string };
}

/** The name of the work directory inside an input, or inside a mount below it. */
export const INNER_WORK = nameOfText('.ingest');

/** The parts of a name in a work folder. */
export interface WorkKey {
  readonly id: string;
  /** Below the input. */
  readonly path: ByteName;
  readonly inside: ByteName;
}

/** A directory of a path was removed, or replaced by a symlink or a file. */
export const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

type MarkedRoot = 'work' | 'manifests' | 'warehouse';

export class FeedFiles {
  readonly #open = new Map<string, Directories>();
  readonly kinds = new FsKinds();

  /** `dead`: errors of roots that must not be touched (src/ingest/health/dead-roots.ts). */
  constructor(
    readonly roots: Roots,
    private readonly dead: readonly PlaceError[] = [],
  ) {}

  get input(): Directories {
    return this.#root('input', this.roots.input);
  }
  get manifests(): Directories {
    return this.#root('manifests', this.roots.manifests);
  }
  get warehouse(): Directories {
    return this.#root('warehouse', this.roots.warehouse);
  }

  /** The work directory of a job. `inside`: the mount below the input in which it was sealed; '' = the feed's own. */
  work(inside: ByteName): Directories {
    if (inside === '') return this.#root('work', this.roots.work);
    const known = this.#open.get(`in:${inside}`);
    if (known) return known;
    const place = { kind: 'work', path: `${this.roots.input}/${shownName(inside)}/${INNER_WORK}` } as const;
    const made = new Directories(openInner(this.input, inside, place.path), place);
    this.#open.set(`in:${inside}`, made);
    return made;
  }

  /** True where a mount below the input has a work directory. */
  hasWork(inside: ByteName): boolean {
    return statEntry(this.entryOrNone(this.input, joinNames(inside, INNER_WORK)))?.kind === 'directory';
  }

  /** Makes the work directory inside a mount below the input. Call it only while a file in that mount proves that it is mounted. */
  makeInnerWork(inside: ByteName): void {
    this.input.make(joinNames(inside, INNER_WORK), 0o700);
  }

  /** True where the names that a job needs are short enough for a work folder. */
  canHold(job: WorkKey): boolean {
    return workName(job.id, 'copy', job.path) !== undefined;
  }

  /** Relative to the job's work directory. */
  workPath(job: WorkKey, part: Part, folder: ByteName = UNDERPROCESS): ByteName {
    const name = workName(job.id, part, job.path);
    assert(name !== undefined, `no name in ${folder} can hold job ${job.id}`);
    return joinNames(folder, name);
  }

  /** The position of a job's part in a folder of its work directory; undefined where the folder is missing. */
  workEntry(job: WorkKey, part: Part, folder: ByteName = UNDERPROCESS): Entry | undefined {
    return this.entryOrNone(this.work(job.inside), this.workPath(job, part, folder));
  }

  /** As `workEntry`, but a missing folder is made. */
  makeWorkEntry(job: WorkKey, part: Part, folder: ByteName = UNDERPROCESS): Entry {
    const path = this.workPath(job, part, folder);
    const directories = this.work(job.inside);
    directories.make(folderOf(path), 0o700);
    return directories.entry(path);
  }

  /** Undefined where a directory on the path is missing. */
  entryOrNone(directories: Directories, path: ByteName): Entry | undefined {
    try {
      return directories.entry(path);
    } catch (error) {
      if (error instanceof LinuxError && GONE.has(error.code)) return undefined;
      throw error;
    }
  }

  /** The file at a path of the warehouse. Errors: PlaceError, where this user cannot look there. */
  inWarehouse(path: ByteName): { entry: Entry; stat: Stat } | undefined {
    const folder = absolute(this.roots.warehouse, folderOf(path)).toString('utf8');
    return inPlace('warehouse', folder, 'root', () => {
      const entry = this.entryOrNone(this.warehouse, path);
      const stat = statEntry(entry);
      return entry && stat && { entry, stat };
    });
  }

  close(): void {
    for (const directories of this.#open.values()) directories.close();
    this.#open.clear();
  }

  #root(kind: PlaceKind, path: string): Directories {
    const known = this.#open.get(kind);
    if (known) return known;
    const dead = this.dead.find(({ place }) => place === kind);
    if (dead) throw dead;
    const fd = inPlace(kind, path, 'root', () => openRoot(path));
    const made = new Directories(fd, { kind, path });
    try {
      if (kind !== 'input') this.#checkMarker(kind as MarkedRoot, path, fd);
    } catch (error) {
      made.close();
      throw error;
    }
    this.#open.set(kind, made);
    return made;
  }

  #checkMarker(kind: MarkedRoot, path: string, fd: number): void {
    const wanted = this.roots.markers[kind];
    const found = inPlace(kind, path, 'root', () => readMarker(fd));
    if (wanted === undefined || found?.id !== wanted) throw placeError(kind, path, 'no_marker');
  }
}

/** The operator chose a root's path, so it may contain symlinks. Everything below is opened beneath it. */
export const openRoot = (path: string): number =>
  openAt(AT_FDCWD, nameOfText(path), O.RDONLY | O.DIRECTORY, { resolve: 'any' });

/** The stat of the file at an entry; a symlink is never followed. */
export const statEntry = (entry: Entry | undefined): Stat | undefined => entry && statAtOrNone(entry.dir, entry.name);

export const absolute = (root: string, path: ByteName): Buffer =>
  Buffer.concat([Buffer.from(`${root}/`), bytesOfName(path)]);

/**
 * The work directory inside a mount below the input. It is never made here: without the mount it would be made below
 * the mount point, and the sealed files in the mount would look lost.
 */
function openInner(input: Directories, inside: ByteName, path: string): number {
  try {
    return openDirectory(input.rootFd, joinNames(inside, INNER_WORK));
  } catch (error) {
    if (!(error instanceof LinuxError) || OF_MACHINE.includes(error.code)) throw error;
    const why =
      error.code === 'ENOENT' || error.code === 'ENOTDIR'
        ? `${path} is missing, and the file was sealed there: mount the file system that it lies in`
        : placeError('work', path, error.code).message;
    throw new MountUnusable(path, why);
  }
}

/** A mount below the input is not there, or fails. Only the files in that mount are concerned, not the rest of the feed. */
export class MountUnusable extends Error {
  override readonly name = 'MountUnusable';
  constructor(
    readonly path: string,
    message: string,
  ) {
    super(message);
  }
}

/** Errors that say nothing about a mount. */
const OF_MACHINE: readonly string[] = ['EMFILE', 'ENFILE'];

/** The error of a file in a mount below the input: where that disk fails, the rest of the input does not. */
export function ofItsMount(error: PlaceError, { input }: Roots, inside: ByteName): PlaceError | MountUnusable {
  const isOfMount = (error.place === 'input' || error.place === 'work') && !OF_MACHINE.includes(error.code);
  return inside !== '' && isOfMount ? unusable(input, inside, error.code) : error;
}

/** The same for the error of a call that names no place. These codes mean that the server of a mount is gone. */
export function ofItsServer(error: unknown, { input }: Roots, path: ByteName): unknown {
  const code = errnoOf(error) ?? '';
  if (!(SERVER_GONE as readonly string[]).includes(code)) return error;
  const inside = mountsBelow(input).findLast((at) => path.startsWith(`${at}/`));
  return inside === undefined ? error : unusable(input, inside, code);
}

function unusable(input: string, inside: ByteName, code: string): MountUnusable {
  const path = `${input}/${shownName(inside)}`;
  return new MountUnusable(path, placeError('input', path, code).message);
}

/** True for an error of a place or of what lies in it, and not a bug. */
export const isOfFiles = (error: unknown): error is Error =>
  error instanceof PlaceError || error instanceof MountUnusable || errnoOf(error) !== undefined;
