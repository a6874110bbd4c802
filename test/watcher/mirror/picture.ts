/**
 * A mirror in memory: what events alone said of a tree, and how the tree differs from it.
 * A put makes it look at that one path, and at nothing below it; a delete takes the path away with all below it. It
 * never looks by itself: what no event told stays wrong.
 */
import { type ByteName, bytesOfName, nameOfBytes, nameOfText } from '../../../src/linux/names.js';
import { type Found, look, tree } from '../../world/tree.js';
import type { Changed } from './adapter.js';

export interface Differences {
  /** In the tree, in no event. */
  missing: number;
  /** Gone from the tree, in no event. */
  extra: number;
  /** Of another kind, with another content, or leading elsewhere. */
  stale: number;
  examples: string[];
}

const EXAMPLES_MAX = 5;

export class Picture {
  readonly #entries = new Map<ByteName, string>();

  constructor(private readonly root: string) {}

  take({ path, operation }: Changed): void {
    const name = nameOfBytes(path).slice(nameOfText(this.root).length + 1) as ByteName;
    if (name === '') return;
    if (operation === 'delete') this.#forget(name);
    else this.#put(name);
  }

  compare(): Differences {
    const now = new Map(tree(this.root).map((found) => [found.path, said(found)]));
    const missing = [...now.keys()].filter((path) => !this.#entries.has(path));
    const extra = [...this.#entries.keys()].filter((path) => !now.has(path));
    const stale = [...now].filter(([path, is]) => this.#entries.has(path) && this.#entries.get(path) !== is);
    const examples = [
      ...missing.map((path) => `missing ${now.get(path)!.slice(0, 9)} ${path}`),
      ...extra.map((path) => `extra ${this.#entries.get(path)!.slice(0, 9)} ${path}`),
      ...stale.map(([path, is]) => `stale ${path}: ${this.#entries.get(path)!.slice(0, 20)}, is ${is.slice(0, 20)}`),
    ];
    return {
      missing: missing.length,
      extra: extra.length,
      stale: stale.length,
      examples: examples.slice(0, EXAMPLES_MAX),
    };
  }

  /** As the tree is: what was lost is counted once. */
  repair(): void {
    this.#entries.clear();
    for (const found of tree(this.root)) this.#entries.set(found.path, said(found));
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Nothing is there (any more): a delete follows, if the watcher keeps its word. */
  #put(name: ByteName): void {
    const found = lookNow(this.root, name);
    if (found === undefined) return;
    if (found.kind !== 'directory') this.#forget(name);
    this.#entries.set(name, said(found));
  }

  #forget(name: ByteName): void {
    const was = this.#entries.get(name);
    this.#entries.delete(name);
    if (was !== DIRECTORY) return;
    const below = `${name}/`;
    for (const path of this.#entries.keys()) if (path.startsWith(below)) this.#entries.delete(path);
  }
}

const said = ({ kind, sha256 }: Found): string => `${kind} ${sha256}`;
const DIRECTORY = said({ kind: 'directory', sha256: '' } as Found);

/** What became something else between two calls is left to the event that tells of it. */
function lookNow(root: string, name: ByteName): Found | undefined {
  try {
    return look(root, name);
  } catch (error) {
    if (['EISDIR', 'ELOOP', 'EINVAL', 'ENXIO'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw new Error(`${bytesOfName(name)} cannot be read`, { cause: error });
  }
}
