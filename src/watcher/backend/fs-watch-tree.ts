/**
 * Hints by Node's `fs.watch`: on macOS and Windows one watcher of the whole tree, else one a directory.
 * Guarantees: a path that it tells may have changed. Does not: tell everything. Node drops what the kernel says of lost
 * events, so scans are needed beside it.
 */
import { type FSWatcher, watch } from 'node:fs';
import { type ByteName, joinNames } from '../../linux/names.js';
import type { OpenDirectory, Tree, TreeHooks } from './backend.js';
import type { Hint } from './types.js';

/** Where the system itself watches trees. */
const WHOLE_TREES: ReadonlySet<string> = new Set(['darwin', 'win32']);

interface Watch {
  watcher: FSWatcher;
  round: number;
}

export class FsWatchTree implements Tree {
  readonly complete = false;
  readonly #watches = new Map<ByteName, Watch>();

  constructor(
    private readonly hooks: TreeHooks,
    private readonly whole = WHOLE_TREES.has(process.platform),
  ) {}

  has(path: ByteName): boolean {
    return this.#watches.has(path) || (this.whole && this.#watches.size > 0);
  }

  /** Errors: Node's own of `fs.watch`: ENOSPC at the limit of watches. */
  watch(path: ByteName, directory: OpenDirectory & { place: Buffer }, round: number): void {
    if (this.whole && path !== '') return;
    this.#drop(path);
    // Where trees are watched as a whole, Node takes text alone, and names are text there.
    const place = this.whole ? String(directory.place) : directory.place;
    const watcher = watch(place, { encoding: 'latin1', recursive: this.whole }, (type, name) =>
      // What is told as a change may be one of attributes alone.
      this.#hint(path, name as ByteName | null, type === 'change' ? 'attributes' : 'write'),
    );
    // The directory is gone, or can be watched no more: whoever tells it again takes it again.
    watcher.on('error', () => this.#drop(path));
    this.#watches.set(path, { watcher, round });
  }

  sweep(round: number): void {
    if (this.whole) return;
    for (const [path, watch] of this.#watches) if (watch.round < round) this.#drop(path);
  }

  /** Does nothing: events that the system has queued cannot be fetched early. */
  drain(): void {}

  close(): void {
    for (const path of [...this.#watches.keys()]) this.#drop(path);
  }

  #hint(path: ByteName, name: ByteName | null, by: Hint): void {
    if (name === null) this.hooks.onDirectory(path, 'write');
    else this.hooks.onFile(joinNames(path, name.replaceAll(SEPARATOR, '/') as ByteName), by, false);
  }

  #drop(path: ByteName): void {
    this.#watches.get(path)?.watcher.close();
    this.#watches.delete(path);
  }
}

const SEPARATOR = process.platform === 'win32' ? '\\' : '/';
