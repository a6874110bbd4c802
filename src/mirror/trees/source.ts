/**
 * SOURCE as a root that may go, come back, or be replaced. Files that it lacks are removed from DEST. So something that
 * is not SOURCE must never be taken for an empty SOURCE: a mount point without its filesystem, or a directory that was
 * created again.
 * Guarantees: `open` returns the real SOURCE, whose missing files may be removed from DEST, or throws SourceMissing.
 * `refuseLost` checks the same for mounts below it.
 */
import { closeSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { folderOf } from '../../files/job-paths.js';
import { namesIn } from '../../files/names-in.js';
import { isOfFilesystem } from '../../files/of-filesystem.js';
import { unlessRefused } from '../../files/place-error.js';
import {
  AT_FDCWD,
  type ByteName,
  directoryIdOf,
  isAnotherDirectory,
  joinNames,
  LinuxError,
  nameOfText,
  O,
  openAt,
  type Stat,
  statAtOrNone,
  statFd,
} from '../../linux/index.js';
import { CannotMirror, isGone, SourceMissing } from './failures.js';
import type { SourceSeen } from './marker.js';
import { overlapping } from './overlap.js';
import { firstContent, isContent, type Rules } from './rules.js';
import type { Trees } from './trees.js';
import type { ReplicateOptions } from './types.js';

export class Source {
  readonly #path: ByteName;
  /** Known in this run; `seen` has those that are written too. */
  readonly #mounts: Set<ByteName>;
  /** A name found at the root. While it exists, SOURCE is not empty. */
  #content: ByteName | undefined;
  /** Directories that are part of DEST through a bind mount. They would be copied into themselves. */
  readonly #overlaps = new Set<ByteName>();

  /** `seen`: the identity at the last run. `changed` stores a new one. */
  constructor(
    private readonly options: Pick<ReplicateOptions, 'source' | 'dest' | 'allowEmptySource'>,
    private readonly rules: Rules,
    public seen: SourceSeen | undefined,
    private readonly changed: (seen: SourceSeen) => void = () => {},
  ) {
    this.#path = nameOfText(options.source);
    this.#mounts = new Set((seen?.mounts ?? []) as ByteName[]);
  }

  /** Errors: SourceMissing. */
  open(): number {
    let fd: number;
    try {
      // The path was real when it was given. A symlink in it would lead to another directory, or by another way than
      // intended.
      fd = openAt(AT_FDCWD, this.#path, O.RDONLY | O.DIRECTORY, { resolve: 'plain' });
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

  /**
   * Called for each directory: records it if another mount begins there, and returns whether that was written now. Errors:
   * CannotMirror if it is part of DEST, those of `changed`: it waits, and the scan does not go into it.
   */
  noteMount(path: ByteName, stat: Stat, parent: Stat): boolean {
    this.#overlaps.delete(path);
    if (stat.mounted === parent.mounted) return false;
    if (overlapping(joinNames(this.#path, path), nameOfText(this.options.dest))) {
      this.#overlaps.add(path);
      throw overlap();
    }
    this.#mounts.add(path);
    const { mounts } = this.seen!;
    if (mounts.includes(path)) return false;
    this.#keep({ ...this.seen!, mounts: [...mounts, path] });
    return true;
  }

  /**
   * Throws if the path is in a part of DEST, or if a filesystem that was mounted at or above it is missing. For a path
   * that is about to be removed, mounts below it are checked too, because they would be removed along.
   */
  refuseLost(trees: Trees, path: ByteName, toRemove = false): void {
    for (const at of this.#overlaps) if (path.startsWith(`${at}/`)) throw overlap();
    for (const mount of this.#mounts) {
      const speaks = path === mount || path.startsWith(`${mount}/`) || (toRemove && mount.startsWith(`${path}/`));
      if (!speaks) continue;
      if (!isMounted(trees, mount)) {
        throw new CannotMirror('mount_missing', `the filesystem that was mounted at ${mount} is missing`);
      }
      if (toRemove && !this.options.allowEmptySource && isBlank(trees.source.directory(mount))) {
        throw new CannotMirror(
          'mount_missing',
          `the filesystem that is mounted at ${mount} is empty; --allow-empty-source removes what was there`,
        );
      }
    }
  }

  /** Nothing is removed because of an empty SOURCE. Errors: SourceMissing. */
  refuseEmpty(rootFd: number): void {
    if (this.options.allowEmptySource) return;
    if (this.#content !== undefined && isContent(rootFd, this.#content, this.rules)) return;
    this.#content = firstContent(rootFd, this.rules);
    if (this.#content === undefined) throw new SourceMissing('empty');
  }

  #judge(fd: number): void {
    const stat = statFd(fd);
    if (stat.nlink === 0) throw new SourceMissing('ENOENT');
    const parent = statAtOrNone(AT_FDCWD, `${this.#path}/..` as ByteName);
    const mounted = parent !== undefined && parent.mounted !== stat.mounted;
    if (this.seen?.mounted && !mounted) throw new SourceMissing('unmounted');
    const id = directoryIdOf(fd);
    if (this.seen !== undefined && isAnotherDirectory(this.seen, id)) {
      throw new SourceMissing(firstContent(fd, this.rules) === undefined ? 'emptied' : 'replaced');
    }
    const now = { ...id, mounted, mounts: this.seen?.mounts ?? [] };
    // A full DEST takes it later.
    if (!isDeepStrictEqual(this.seen, now)) unlessRefused(() => this.#keep(now));
  }

  #keep(seen: SourceSeen): void {
    this.changed(seen);
    this.seen = seen;
  }
}

const overlap = () =>
  new CannotMirror('overlap', 'by a bind mount it is part of DEST; unmount it, or leave it out with --exclude');

/**
 * A descriptor that is open stays in a filesystem that is unmounted meanwhile (`umount -l`), while other paths lead
 * past it. So the name is asked too. It is opened first, which mounts an automount.
 */
function isMounted({ source, inSource }: Trees, mount: ByteName): boolean {
  try {
    const { mounted } = statFd(source.directory(mount));
    return mounted !== statFd(source.directory(folderOf(mount))).mounted && mounted === inSource(mount)?.mounted;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

function isBlank(rootFd: number): boolean {
  for (const name of namesIn(rootFd)) if (!isOfFilesystem(name, () => true)) return false;
  return true;
}
