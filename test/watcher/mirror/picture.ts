/**
 * A mirror in memory: the tree according to the events, and how the real tree differs from it. A put makes it read that
 * one path, and nothing below it. A delete removes the path with everything below it. It never reads by itself, so a
 * change without an event stays wrong.
 */
import { type ByteName, nameOfBytes, nameOfText } from '../../../src/linux/names.js';
import { type Found, look, tree } from '../../world/tree.js';
import type { Changed } from './adapter.js';

export interface Differences {
  /** In the tree, but in no event. */
  missing: number;
  /** Gone from the tree, but in no event. */
  extra: number;
  /** With another kind, content or target. */
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

  /** Takes the state of the tree, so that a lost change is counted once. */
  repair(): void {
    this.#entries.clear();
    for (const found of tree(this.root)) this.#entries.set(found.path, said(found));
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Nothing is there (any more), or something else: another event must follow. */
  #put(name: ByteName): void {
    const found = look(this.root, name);
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
