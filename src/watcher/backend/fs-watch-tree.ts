/**
 * Hints from Node's `fs.watch`: on macOS and Windows one watcher for the whole tree, otherwise one for each directory.
 * Guarantees: a path that it reports may have changed.
 * Does not: report everything. Node drops the kernel's report of lost events, so scans are needed beside it.
 */
import { type FSWatcher, watch } from 'node:fs';
import { type ByteName, joinNames } from '../../linux/names.js';
import type { OpenDirectory, Tree, TreeHooks } from './backend.js';
import type { Hint } from './types.js';

/** Systems that can watch a whole tree. */
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

  /** Errors: Node's own errors of `fs.watch`; ENOSPC at the limit of watches. */
  watch(path: ByteName, directory: OpenDirectory & { place: Buffer }, round: number): void {
    if (this.whole && path !== '') return;
    this.#drop(path);
    // On systems that watch whole trees Node takes only text, and there names are text.
    const place = this.whole ? String(directory.place) : directory.place;
    const watcher = watch(place, { encoding: 'latin1', recursive: this.whole }, (type, name) =>
      // Node's 'change' may be a change of attributes only.
      this.#hint(path, name as ByteName | null, type === 'change' ? 'attributes' : 'write'),
    );
    // The directory is gone, or cannot be watched any more. It is watched again when an event or a scan finds it again.
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
