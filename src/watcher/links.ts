/**
 * Names that were removed or taken by another file while their file lives on under other names: whoever has it open
 * through the removed name writes on, and the kernel tells that by the removed name.
 * Guarantees: memory is bounded; beyond the bound the eldest are forgotten, and a scan finds what was written.
 */
import type { ByteName } from '../linux/names.js';
import { limits } from './limits.js';
import type { Known, Picture } from './picture.js';

export class Links {
  readonly #inodes = new Map<ByteName, number>();

  constructor(private readonly picture: Picture) {}

  /** The file that was known at the path does not lie there any more. To be called after its row is gone or replaced. */
  removed({ path, kind, ino }: Known): void {
    if (kind === 'directory') return;
    const others = this.picture.namesOf(ino, undefined, 2);
    if (!others.some((other) => other.path !== path)) return;
    if (this.#inodes.size >= limits.removedMax) this.#inodes.delete(this.#inodes.keys().next().value!);
    this.#inodes.set(path, ino);
  }

  inodeOnceAt(path: ByteName): number | undefined {
    return this.#inodes.get(path);
  }
}
