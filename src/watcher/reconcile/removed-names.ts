/**
 * Names that were removed or taken by another file, while their file may live on under other names: whoever has it open
 * through the removed name writes on, and the kernel tells that by the removed name.
 * Guarantees: memory is bounded; beyond the bound the eldest are forgotten, and a scan finds what was written.
 * Does not: ask whether there are other names. One that was linked a moment ago is told only later.
 */
import type { ByteName } from '../../linux/names.js';
import { limits } from '../options/limits.js';
import type { Known } from './delivered-tree.js';

export class RemovedNames {
  readonly #inodes = new Map<ByteName, number>();

  /** The file that was known at the path does not lie there any more. */
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
