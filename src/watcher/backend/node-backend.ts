/**
 * The engine's ground where there is no binding of the system's calls: paths and Node's own `fs`, `fs.watch` for hints.
 * Does not: keep hold of a directory. A parent that is swapped for a symlink in the very moment is followed once; the
 * look that follows (look-node.ts) asks each part of a path.
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
    // Whether it can be read is known before it is watched.
    opendirSync(bytesOfName(at)).closeSync();
    return new NodeDirectory(at, stat);
  },
  mountAbove(path) {
    const above = statSync(bytesOfName(`${path}/..` as ByteName), { bigint: true, throwIfNoEntry: false });
    return above && String(above.dev);
  },
  kindOf(directory, name) {
    const stat = lstatSync(bytesOfName(pathBelow(directory, name)), { bigint: true, throwIfNoEntry: false });
    return stat && kindOf(stat);
  },
  openTree: (hooks) => new FsWatchTree(hooks),
} satisfies Backend;

/** The absolute path of something below a directory of this ground. */
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

  /** For what takes a path. */
  get place(): Buffer {
    return bytesOfName(this.path);
  }

  list(): Listing {
    return new NodeListing(this.place);
  }

  facts(): DirectoryFacts {
    const { dev, ino, birthtimeNs } = this.stat;
    // A removed directory's inode number is given to the next one at once.
    return { id: `${dev}:${ino}:${birthtimeNs}`, mount: String(dev), device: String(dev), linked: true };
  }

  mount(): string {
    return String(this.stat.dev);
  }

  isRemote(): boolean {
    // The numbers of filesystems are Linux's; elsewhere scans find what hints do not tell.
    return process.platform === 'linux' && fsKindOf(this.path).network;
  }

  close(): void {}
}
