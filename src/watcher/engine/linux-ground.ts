/** The engine's ground on Linux: descriptors, openat2, inotify. */
import { closeSync } from 'node:fs';
import {
  AT_FDCWD,
  DirectoryListing,
  fsKindOf,
  type Kind,
  mountedFd,
  O,
  openAt,
  openDirectory,
  statAtOrNone,
  statFd,
} from '../../linux/index.js';
import type { ByteName } from '../../linux/names.js';
import type { DirectoryFacts, Ground, Listed, Listing, OpenDirectory } from './ground.js';
import { WatchTree } from './tree.js';
import type { FileKind } from './types.js';

const HERE = '.' as ByteName;

export const linuxGround: Ground = {
  openRoot: (path) => new LinuxDirectory(openAt(AT_FDCWD, path, O.RDONLY | O.DIRECTORY, { resolve: 'any' })),
  openDirectory: (root, path) => new LinuxDirectory(openDirectory(root.fd, path === '' ? HERE : path)),
  mountAbove(path) {
    const parent = statAtOrNone(AT_FDCWD, `${path}/..` as ByteName);
    return parent?.mounted;
  },
  kindOf(directory, name) {
    const stat = statAtOrNone(directory.fd, name);
    return stat && KINDS[stat.kind];
  },
  openTree: (hooks, everything) => new WatchTree(hooks, everything),
};

class LinuxDirectory implements OpenDirectory {
  constructor(readonly fd: number) {}

  list(): Listing {
    return new LinuxListing(this.fd);
  }

  facts(): DirectoryFacts {
    const stat = statFd(this.fd);
    // A bind mount has the device of its source.
    const mount = stat.mounted;
    return { id: `${mount}:${stat.dev}:${stat.ino}`, mount, device: String(stat.dev), linked: stat.nlink > 0 };
  }

  mount(): string {
    return mountedFd(this.fd);
  }

  isRemote(): boolean {
    return fsKindOf(this.fd).network;
  }

  close(): void {
    closeSync(this.fd);
  }
}

class LinuxListing implements Listing {
  readonly #entries: DirectoryListing;

  constructor(fd: number) {
    this.#entries = new DirectoryListing(fd);
  }

  next(): Listed | undefined {
    const entry = this.#entries.next();
    return entry && { name: entry.name, kind: entry.kind && KINDS[entry.kind] };
  }

  close(): void {
    this.#entries.close();
  }
}

export const KINDS: Record<Kind, FileKind> = {
  file: 'file',
  directory: 'directory',
  symlink: 'symlink',
  fifo: 'fifo',
  socket: 'socket',
  character: 'device',
  block: 'device',
};
