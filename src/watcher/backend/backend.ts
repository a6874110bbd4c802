/**
 * What the engine needs of the system below it: directories that can be opened and listed, and something that tells of
 * changes in them. Linux has all of it with descriptors (linux-ground.ts); Node alone has it by paths (node-ground.ts).
 */
import type { ByteName } from '../../linux/names.js';
import type { FileKind, Hint, OpenRoot } from './types.js';

export interface OpenDirectory extends OpenRoot {
  /** What it holds; to be asked for once. Errors: with a `code`. */
  list(): Listing;
  facts(): DirectoryFacts;
  /** The mount alone of its facts: it is asked of each directory of a scan. */
  mount(): string;
  /** Whether others may change it from where this system does not see it. */
  isRemote(): boolean;
  close(): void;
}

/** Entries of a directory, one at a time. */
export interface Listing {
  /** Undefined: that was all. Errors: with a `code`. */
  next(): Listed | undefined;
  /** Safe to call twice. */
  close(): void;
}

export interface Listed {
  name: ByteName;
  /** Undefined: the filesystem does not say, so it has to be looked at. */
  kind: FileKind | undefined;
}

export interface DirectoryFacts {
  /** The same as long as it is the same directory on the same mount. */
  id: string;
  /** Identifies its mount, or its device where mounts cannot be told apart. */
  mount: string;
  device: string;
  /** False: it was removed. */
  linked: boolean;
}

export interface TreeHooks {
  /** Something happened to a name, not of a directory as far as is known. `patient`: more of it is likely to follow. */
  onFile(path: ByteName, by: Hint, patient: boolean): void;
  /** A directory appeared (`rename`: it was moved there), or lost its watch while it may still be there. */
  onDirectory(path: ByteName, by: 'rename' | 'write'): void;
  /** A directory was removed or moved away. Only with `everything`. */
  onDirectoryGone(path: ByteName, by: 'delete' | 'moved'): void;
  onOverflow(): void;
  /** The root was removed, moved or unmounted. */
  onRootGone(): void;
}

/** The watches of a tree. */
export interface Tree {
  /** True: each change is told, or its loss is. */
  readonly complete: boolean;
  has(path: ByteName): boolean;
  /** Errors: with a `code`, where no watch is to be had. */
  watch(path: ByteName, directory: OpenDirectory, round: number): void;
  /** After a whole scan: what it did not meet is no longer in the tree. */
  sweep(round: number): void;
  /** Takes in what is queued up to now. */
  drain(): void;
  close(): void;
}

export interface Backend {
  /** Errors: with a `code`. */
  openRoot(path: ByteName): OpenDirectory;
  /** Below the root; '' is the root itself, once more. Through no symlink. Errors: with a `code`. */
  openDirectory(root: OpenRoot, path: ByteName): OpenDirectory;
  /** The mount of the directory that holds `path`; undefined where it is not there. */
  mountAbove(path: ByteName): string | undefined;
  /** Undefined: nothing lies there. */
  kindOf(directory: OpenDirectory, name: ByteName): FileKind | undefined;
  /** Errors: with a `code`, where no events are to be had. */
  openTree(hooks: TreeHooks, everything: boolean): Tree;
}
