/**
 * Which version of a file was copied last, of those copied lately: an event that tells of what was copied already costs a look.
 * Guarantees: a version that is known was at rest when it was read, so whatever changes the file makes another one of it.
 */
import type { ByteName } from '../linux/index.js';
import { limits } from './limits.js';

export class Known {
  readonly #versions = new Map<ByteName, string>();

  is(path: ByteName, version: string): boolean {
    return this.#versions.get(path) === version;
  }

  note(path: ByteName, version: string): void {
    this.#versions.delete(path);
    this.#versions.set(path, version);
    if (this.#versions.size > limits.knownMax) this.#versions.delete(this.#versions.keys().next().value!);
  }

  /** What lies below a directory that was renamed keeps its version: only that of the directory changed. */
  moved(from: ByteName, to: ByteName): void {
    for (const [path, version] of [...this.#versions]) {
      if (!path.startsWith(`${from}/`)) continue;
      this.#versions.delete(path);
      this.#versions.set((to + path.slice(from.length)) as ByteName, version);
    }
  }
}
