/**
 * The engine's backend without a binding of system calls: paths, Node's own `fs`, and hints from `fs.watch`.
 * Does not: keep a directory open. A parent that is swapped for a symlink at that very moment is followed once; the
 * check after it (node-looker.ts) tests each part of the path.
 */
import {
  type BigIntStats,
  type Dir,
  type Dirent,
  type FSWatcher,
  lstatSync,
  opendirSync,
  readdirSync,
  statSync,
  watch,
} from 'node:fs';
import { fsKindOf } from '../../linux/filesystem.js';
import { type ByteName, bytesOfName, joinNames } from '../../linux/names.js';
import type { Backend, DirectoryFacts, Listed, Listing, OpenDirectory, Tree, TreeHooks } from './backend.js';
import { limits } from './limits.js';
import { absolutePath } from './paths.js';
import type { FileKind, Hint, OpenRoot } from './types.js';

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

export function kindOf(entry: BigIntStats | Dirent): FileKind {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  if (entry.isSymbolicLink()) return 'symlink';
  if (entry.isFIFO()) return 'fifo';
  if (entry.isSocket()) return 'socket';
  return entry.isBlockDevice() || entry.isCharacterDevice() ? 'device' : 'unknown';
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

class NodeListing implements Listing {
  readonly #dir: Dir;
  #isOpen = true;
  /** Used if the filesystem stores no kinds. */
  #untyped: Iterator<ByteName> | undefined;

  constructor(private readonly place: Buffer) {
    this.#dir = opendirSync(place as unknown as string, {
      encoding: 'latin1' as BufferEncoding,
      bufferSize: limits.readAtOnce,
    });
  }

  next(): Listed | undefined {
    if (this.#untyped !== undefined) return this.#nextUntyped(this.#untyped);
    try {
      const entry = this.#dir.readSync();
      return entry === null ? undefined : { name: entry.name as ByteName, kind: kindOf(entry) };
    } catch (error) {
      if (!UNTYPED.has((error as { code?: string }).code)) throw error;
    }
    // The only case that keeps a whole listing in memory. It returns names again that were already read.
    this.#untyped = (readdirSync(this.place, 'latin1') as ByteName[]).values();
    return this.#nextUntyped(this.#untyped);
  }

  close(): void {
    if (this.#isOpen) this.#dir.closeSync();
    this.#isOpen = false;
  }

  #nextUntyped(names: Iterator<ByteName>): Listed | undefined {
    const { value, done } = names.next();
    return done ? undefined : { name: value, kind: undefined };
  }
}

/**
 * If the filesystem stores no kinds (ext4 without `filetype`, some FUSE), Node calls lstat itself. It fails for names
 * that are not ASCII, because Node loses such names, or because Node cannot append text to a path of bytes.
 */
const UNTYPED: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ERR_INVALID_ARG_TYPE']);

/** Systems that can watch a whole tree. */
const WHOLE_TREES: ReadonlySet<string> = new Set(['darwin', 'win32']);

interface Watch {
  watcher: FSWatcher;
  round: number;
}

/**
 * Hints from Node's `fs.watch`: on macOS and Windows one watcher for the whole tree, otherwise one for each directory.
 * Guarantees: a path that it reports may have changed.
 * Does not: report everything. Node drops the kernel's report of lost events, so scans are needed beside it.
 */
export class FsWatchTree implements Tree {
  readonly complete = false;
  readonly #watches = new Map<ByteName, Watch>();

  constructor(
    private readonly hooks: TreeHooks,
    private readonly whole = WHOLE_TREES.has(process.platform),
  ) {}

  has(path: ByteName): boolean {
    return this.#watches.has(path) || (this.whole && this.#watches.size > 0);
  }

  /** Errors: Node's own errors of `fs.watch`; ENOSPC at the limit of watches. */
  watch(path: ByteName, directory: OpenDirectory & { place: Buffer }, round: number): void {
    if (this.whole && path !== '') return;
    this.#drop(path);
    // On systems that watch whole trees Node takes only text, and there names are text.
    const place = this.whole ? String(directory.place) : directory.place;
    const watcher = watch(place, { encoding: 'latin1', recursive: this.whole }, (type, name) =>
      // Node's 'change' may be a change of attributes only.
      this.#hint(path, name as ByteName | null, type === 'change' ? 'attributes' : 'write'),
    );
    // The directory is gone, or cannot be watched any more. It is watched again when an event or a scan finds it again.
    watcher.on('error', () => this.#drop(path));
    this.#watches.set(path, { watcher, round });
  }

  sweep(round: number): void {
    if (this.whole) return;
    for (const [path, watch] of this.#watches) if (watch.round < round) this.#drop(path);
  }

  /** Does nothing: events that the system has queued cannot be fetched early. */
  drain(): void {}

  close(): void {
    for (const path of [...this.#watches.keys()]) this.#drop(path);
  }

  #hint(path: ByteName, name: ByteName | null, by: Hint): void {
    if (name === null) this.hooks.onDirectory(path, 'write');
    else this.hooks.onFile(joinNames(path, name.replaceAll(SEPARATOR, '/') as ByteName), by, false);
  }

  #drop(path: ByteName): void {
    this.#watches.get(path)?.watcher.close();
    this.#watches.delete(path);
  }
}

const SEPARATOR = process.platform === 'win32' ? '\\' : '/';
