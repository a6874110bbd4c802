/** What a directory holds, by Node's own `fs`. */
import { type Dir, type Dirent, opendirSync, readdirSync } from 'node:fs';
import type { ByteName } from '../../linux/names.js';
import type { Listed, Listing } from './backend.js';
import { limits } from './limits.js';
import type { FileKind } from './types.js';

export class NodeListing implements Listing {
  readonly #dir: Dir;
  #isOpen = true;
  /** Asked where the filesystem notes no kinds. */
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
    // The one case that holds a whole listing, and reads what was read before once more.
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
 * Where no kinds are noted (ext4 without `filetype`, some FUSE) Node asks lstat itself: by a name that it loses where that is
 * not ASCII, or not at all, for it cannot put text behind a path that is bytes.
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
