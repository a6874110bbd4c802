/**
 * The engine's backend without a binding of system calls: paths, Node's own `fs`, and hints from `fs.watch`.
 * Does not: keep a directory open. A parent that is swapped for a symlink at that very moment is followed once; the
 * check after it (node-looker.ts) tests each part of the path.
 */
import { type BigIntStats, lstatSync, opendirSync, statSync } from 'node:fs';
import { fsKindOf } from '../../linux/filesystem.js';
import { type ByteName, bytesOfName } from '../../linux/names.js';
import type { Backend, DirectoryFacts, Listing, OpenDirectory } from './backend.js';
import { FsWatchTree } from './fs-watch-tree.js';
import { NodeListing } from './node-listing.js';
import { absolutePath } from './paths.js';
import type { FileKind, OpenRoot } from './types.js';

export const nodeBackend = {
  openRoot: (path) => new NodeDirectory(path, statSync(bytesOfName(path), { bigint: true })),
  openDirectory(root, path) {
    const at = pathBelow(root, path);
    const stat =
      path === '' ? statSync(bytesOfName(at), { bigint: true }) : lstatSync(bytesOfName(at), { bigint: true });
    // Tests that it can be read and, by the dot, entered, before it is watched.
    opendirSync(bytesOfName(`${at}/.` as ByteName)).closeSync();
    return new NodeDirectory(at, stat);
  },
  mountAbove(path) {
    const above = statSync(bytesOfName(`${path}/..` as ByteName), { bigint: true, throwIfNoEntry: false });
    return above && String(above.dev);
  },
  isMountRoot: () => false,
  kindOf(directory, name) {
    const stat = lstatSync(bytesOfName(pathBelow(directory, name)), { bigint: true, throwIfNoEntry: false });
    return stat && kindOf(stat);
  },
  openTree: (hooks) => new FsWatchTree(hooks),
} satisfies Backend;

/** The absolute path of an entry below a directory of this backend. */
export const pathBelow = (root: OpenRoot, path: ByteName): ByteName => absolutePath((root as NodeDirectory).path, path);

export function kindOf(stat: BigIntStats): FileKind {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFIFO()) return 'fifo';
  return stat.isSocket() ? 'socket' : 'device';
}

class NodeDirectory implements OpenDirectory {
  readonly fd = -1;

  constructor(
    readonly path: ByteName,
    private readonly stat: BigIntStats,
  ) {
    if (!stat.isDirectory()) throw Object.assign(new Error('not a directory'), { code: 'ENOTDIR' });
  }

  /** For calls that take a path. */
  get place(): Buffer {
    return bytesOfName(this.path);
  }

  list(): Listing {
    return new NodeListing(this.place);
  }

  facts(): DirectoryFacts {
    const { dev, ino, birthtimeNs } = this.stat;
    // The inode number of a removed directory is reused at once.
    return { id: `${dev}:${ino}:${birthtimeNs}`, mount: String(dev), device: String(dev), linked: true };
  }

  mount(): string {
    return String(this.stat.dev);
  }

  isRemote(): boolean {
    // The filesystem numbers are those of Linux. On other systems scans find what hints miss.
    return process.platform === 'linux' && fsKindOf(this.path).network;
  }

  close(): void {}
}
