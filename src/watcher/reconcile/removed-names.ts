/**
 * Names that were removed or taken by another file, whose own file may live on under other names. A process that has
 * the file open through the removed name can still write it, and the kernel reports that write under the removed name.
 * Guarantees: memory is bounded. Beyond the bound the oldest names are forgotten, and a scan finds the writes.
 * Does not: check whether there are other names. A name that was linked a moment ago may be reported later.
 */
import type { ByteName } from '../../linux/names.js';
import { limits } from '../options/limits.js';
import type { Known } from './delivered-tree.js';

export class RemovedNames {
  readonly #inodes = new Map<ByteName, number>();

  /** The known file is no longer at its path. */
  removed({ path, kind, ino }: Known): void {
    if (kind === 'directory') return;
    this.#inodes.delete(path);
    if (this.#inodes.size >= limits.removedMax) this.#inodes.delete(this.#inodes.keys().next().value!);
    this.#inodes.set(path, ino);
  }

  inodeOnceAt(path: ByteName): number | undefined {
    return this.#inodes.get(path);
  }
}
