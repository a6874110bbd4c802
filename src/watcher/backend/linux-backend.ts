/**
 * The engine's backend on Linux: descriptors, openat2, inotify.
 */
import {
  AT_FDCWD,
  closeFd,
  DirectoryListing,
  fsKindOf,
  KINDS_OF_TYPES,
  type Kind,
  mountedFd,
  O,
  openAt,
  openDirectory,
  statAtOrNone,
  statFd,
} from '../../linux/index.js';
import type { ByteName } from '../../linux/names.js';
import type { Backend, DirectoryFacts, Listing, OpenDirectory } from './backend.js';
import { InotifyTree } from './inotify-tree.js';
import type { FileKind } from './types.js';

const HERE = '.' as ByteName;

export const linuxBackend: Backend = {
  openRoot: (path) => entered(openAt(AT_FDCWD, path, O.RDONLY | O.DIRECTORY, { resolve: 'any' })),
  openDirectory: (root, path) => entered(openDirectory(root.fd, path === '' ? HERE : path)),
  mountAbove(path) {
    const parent = statAtOrNone(AT_FDCWD, `${path}/..` as ByteName);
    return parent?.mounted;
  },
  isMountRoot: (root, path) => statAtOrNone(root.fd, path === '' ? HERE : path)?.isMountRoot === true,
  kindOf(directory, name) {
    const stat = statAtOrNone(directory.fd, name);
    return stat && KINDS[stat.kind];
  },
  openTree: (hooks, everything) => new InotifyTree(hooks, everything),
};

/** A directory that may be listed and not entered is one that cannot be read: no file in it can be looked at. */
function entered(fd: number): LinuxDirectory {
  try {
    statAtOrNone(fd, HERE);
    return new LinuxDirectory(fd);
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

class LinuxDirectory implements OpenDirectory {
  constructor(readonly fd: number) {}

  list(): Listing {
    return new DirectoryListing(this.fd, LISTED_KINDS);
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
    closeFd(this.fd);
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

const LISTED_KINDS = Object.fromEntries(
  Object.entries(KINDS_OF_TYPES).map(([type, kind]) => [type, kind && KINDS[kind]]),
);
