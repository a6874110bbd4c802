/**
 * The one place that decides, without reading both files, whether a copy is equal to the file in SOURCE. Equal size and
 * mtime do not prove it: a write can leave both unchanged, and another file with the same size and mtime can get the
 * name.
 * Guarantees: what is known of a copy is stored by its inode. So it follows the copy through each rename in DEST, even
 * of a directory above it. A known version was at rest when it was read, so any later change of the file gives another
 * version; where times have whole seconds it stays in doubt for a while. For unknown copies, size and mtime are trusted only if SOURCE's file has not changed since the last full
 * scan.
 */
import type { Stat } from '../../linux/index.js';
import { isRacy } from '../../watcher/reconcile/looker.js';
import type { Compare } from '../trees/compare.js';
import { limits } from '../trees/limits.js';
import type { Pair } from './copy-file.js';

export class KnownCopies {
  /** By the inode of a copy: the version of SOURCE's file that it contains. */
  readonly #versions = new Map<string, string>();
  /** Copies that must be compared. */
  readonly #doubts = new Set<string>();
  #lostDoubt = false;

  /** `sinceMs`: every change until then was compared or copied. A later change may be unknown. */
  constructor(
    private readonly compare: Compare,
    private readonly checksum: boolean,
    private sinceMs: number,
  ) {}

  isCopy(source: Stat, copy: Stat): boolean {
    if (!this.compare.sameFile(source, copy)) return false;
    if (this.#doubts.has(copy.file)) return false;
    const version = this.#versions.get(copy.file);
    if (version !== undefined) return version === source.version;
    if (!this.checksum && source.ctimeMs < this.sinceMs - limits.clockMs) return true;
    this.doubt(copy);
    return false;
  }

  /** SOURCE's file has changed, or another file has its name: size and mtime are no longer trusted. */
  doubt(copy: Stat | undefined): void {
    if (copy?.kind !== 'file') return;
    this.forget(copy);
    this.#doubts.add(copy.file);
    if (this.#doubts.size <= limits.knownCopiesMax) return;
    this.#doubts.delete(this.#doubts.values().next().value!);
    this.#lostDoubt = true;
  }

  /** It may be the copy of another file. A known version says of which. */
  doubtUnknown(copy: Stat | undefined): void {
    if (copy !== undefined && !this.#versions.has(copy.file)) this.doubt(copy);
  }

  /** Records the version of a copy, after both files were read, or one was made from the other. */
  know({ source, copy, readMs }: Pair): void {
    // A time that is far ahead is of another clock, and would be in doubt for ever.
    const isInDoubt = isRacy(source.ctimeMs, true, readMs) && source.ctimeMs <= readMs + limits.clockMs;
    if (isInDoubt) {
      this.doubt(copy);
      return;
    }
    this.forget(copy);
    this.#versions.set(copy.file, source.version);
    if (this.#versions.size > limits.knownCopiesMax) this.#versions.delete(this.#versions.keys().next().value!);
  }

  /** The copy was removed or replaced. */
  forget(copy: Stat | undefined): void {
    if (copy === undefined) return;
    this.#versions.delete(copy.file);
    this.#doubts.delete(copy.file);
  }

  /** A full scan starts. */
  begin(): void {
    if (!this.checksum) return;
    this.#versions.clear();
    this.#doubts.clear();
  }

  /**
   * The full scan that started at `beganMs` has ended, and what it could not do is done. Returns true if every remaining
   * doubt is recorded here, false if some were lost.
   */
  scanned(beganMs: number): boolean {
    if (!this.#lostDoubt) this.sinceMs = beganMs;
    const isSure = !this.#lostDoubt;
    this.#lostDoubt = false;
    return isSure;
  }
}
