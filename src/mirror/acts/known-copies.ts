/**
 * The one place that decides whether a copy is believed to be what SOURCE has, without reading both. Equal size and mtime do not
 * prove it: a write can leave both as they were, and a file that has the same two can get the name.
 * Guarantees: what is known of a copy is known of its inode, so it goes with the copy through each rename in DEST, of the file and
 * of any directory above it. A version that is known was at rest when it was read: whatever changes the file makes another one of
 * it. What is not known is believed by size and mtime only where SOURCE's file has not changed since the last look at everything.
 */
import type { Stat } from '../../linux/index.js';
import type { Compare } from '../trees/compare.js';
import { limits } from '../trees/limits.js';

/** In place of a version: the copy has to be compared. */
const DOUBT = '';

export class KnownCopies {
  /** By the copy's inode: the version of SOURCE's file that it holds, or DOUBT. */
  readonly #versions = new Map<string, string>();
  #lostDoubt = false;

  /** `sinceMs`: everything that had changed until then was compared or copied; what changed later may be known to nobody. */
  constructor(
    private readonly compare: Compare,
    private readonly checksum: boolean,
    private sinceMs: number,
  ) {}

  isCopy(source: Stat, copy: Stat): boolean {
    if (!this.compare.sameFile(source, copy)) return false;
    const version = this.#versions.get(copy.file);
    if (version !== undefined) return version === source.version;
    if (!this.checksum && source.ctimeMs < this.sinceMs - limits.clockMs) return true;
    this.#keep(copy.file, DOUBT);
    return false;
  }

  /** SOURCE's file has changed, or another one has its name: size and mtime are believed no longer. */
  doubt(copy: Stat | undefined): void {
    if (copy?.kind === 'file' && !this.#versions.has(copy.file)) this.#keep(copy.file, DOUBT);
  }

  /** Both were read, or one was made of the other. */
  know(copy: Stat, version: string): void {
    this.#keep(copy.file, version);
  }

  /** It is removed, or replaced. */
  forget(copy: Stat | undefined): void {
    if (copy !== undefined) this.#versions.delete(copy.file);
  }

  /** A look at everything begins. */
  begin(): void {
    if (this.checksum) this.#versions.clear();
  }

  /** The look at everything that began then has ended: what is still in doubt is known to be. False: not all of it is. */
  scanned(beganMs: number): boolean {
    if (!this.#lostDoubt) this.sinceMs = beganMs;
    const isSure = !this.#lostDoubt;
    this.#lostDoubt = false;
    return isSure;
  }

  #keep(copy: string, version: string): void {
    this.#versions.delete(copy);
    this.#versions.set(copy, version);
    if (this.#versions.size <= limits.knownCopiesMax) return;
    const [first, lost] = this.#versions.entries().next().value!;
    this.#versions.delete(first);
    this.#lostDoubt ||= lost === DOUBT;
  }
}
