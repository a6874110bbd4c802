/**
 * The interface to the system: directories that can be opened and listed, and a source of change events. Linux provides
 * all of it with descriptors (linux-backend.ts), Node with paths (node-backend.ts).
 */
import type { ListedName } from '../../linux/index.js';
import type { ByteName } from '../../linux/names.js';
import type { FileKind, Hint, OpenRoot } from './types.js';

export interface OpenDirectory extends OpenRoot {
  /** Lists the directory; to be called once. Errors: with a `code`. */
  list(): Listing;
  facts(): DirectoryFacts;
  /** Only the mount of its facts, because every directory of a scan is asked. */
  mount(): string;
  /** True if other machines may change it without this system seeing it. */
  isRemote(): boolean;
  close(): void;
}

/** The entries of a directory, one at a time. */
export interface Listing {
  /** Undefined: that was the last one. Errors: with a `code`. */
  next(): Listed | undefined;
  /** Safe to call twice. */
  close(): void;
}

/** Without a kind the entry needs a stat. */
export type Listed = ListedName<FileKind>;

export interface DirectoryFacts {
  /** Equal as long as it is the same directory on the same mount. */
  id: string;
  /** Identifies its mount, or its device if mounts cannot be distinguished. */
  mount: string;
  device: string;
  /** False: it was removed. */
  linked: boolean;
}

export interface TreeHooks {
  /**
   * Something happened to a name that is not known to be a directory. `patient`: more events of it are likely to
   * follow.
   */
  onFile(path: ByteName, by: Hint, patient: boolean): void;
  /** A directory appeared (`rename`: it was moved here), or lost its watch while it may still exist. */
  onDirectory(path: ByteName, by: 'rename' | 'write'): void;
  /** A directory was removed or moved away. Only with `everything`. */
  onDirectoryGone(path: ByteName, by: 'delete' | 'moved'): void;
  onOverflow(): void;
  /** The root was removed, moved or unmounted. */
  onRootGone(): void;
}

/** The watches of a tree. */
export interface Tree {
  /** True: each change causes an event, or its loss is reported. */
  readonly complete: boolean;
  has(path: ByteName): boolean;
  /** Errors: with a `code`, if no watch is available. */
  watch(path: ByteName, directory: OpenDirectory, round: number): void;
  /** To be called after a whole scan: directories that the scan did not find are no longer in the tree. */
  sweep(round: number): void;
  /** Processes all events that are queued now. */
  drain(): void;
  close(): void;
}

export interface Backend {
  /** Errors: with a `code`. */
  openRoot(path: ByteName): OpenDirectory;
  /** `path` is below the root; '' opens the root itself again. Never through a symlink. Errors: with a `code`. */
  openDirectory(root: OpenRoot, path: ByteName): OpenDirectory;
  /** The mount of the directory that contains `path`; undefined if that is not there. */
  mountAbove(path: ByteName): string | undefined;
  /** True if a mount begins at that directory, as far as this system shows it. Errors: with a `code`. */
  isMountRoot(root: OpenRoot, path: ByteName): boolean;
  /** Undefined: nothing is there. */
  kindOf(directory: OpenDirectory, name: ByteName): FileKind | undefined;
  /** Errors: with a `code`, if no events are available. */
  openTree(hooks: TreeHooks, everything: boolean): Tree;
}
