/**
 * Lists a directory with Node's own `fs`.
 */
import { type Dir, type Dirent, opendirSync, readdirSync } from 'node:fs';
import type { ByteName } from '../../linux/names.js';
import type { Listed, Listing } from './backend.js';
import { limits } from './limits.js';
import type { FileKind } from './types.js';

export class NodeListing implements Listing {
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

function kindOf(entry: Dirent): FileKind {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  if (entry.isSymbolicLink()) return 'symlink';
  if (entry.isFIFO()) return 'fifo';
  if (entry.isSocket()) return 'socket';
  return entry.isBlockDevice() || entry.isCharacterDevice() ? 'device' : 'unknown';
}
