/** The watches of a tree, found by descriptor and by path. */
import type { ByteName } from '../../linux/names.js';

interface Watch {
  path: ByteName;
  /** The last whole scan that found it. */
  round: number;
}

export class WatchTable {
  readonly #watches = new Map<number, Watch>();
  readonly #wds = new Map<ByteName, number>();

  pathOf(wd: number): ByteName | undefined {
    return this.#watches.get(wd)?.path;
  }

  /** The descriptor of a path's watch. */
  wdOf(path: ByteName): number | undefined {
    return this.#wds.get(path);
  }

  /** Neither the descriptor nor the path may be in the table. `round`: the last whole scan that found it. */
  add(wd: number, path: ByteName, round: number): void {
    this.#watches.set(wd, { path, round });
    this.#wds.set(path, wd);
  }

  met(wd: number, round: number): void {
    this.#watches.get(wd)!.round = round;
  }

  /** False: there is no such watch. */
  delete(wd: number): boolean {
    const watch = this.#watches.get(wd);
    if (watch === undefined) return false;
    this.#watches.delete(wd);
    return this.#wds.delete(watch.path);
  }

  /** The descriptors of watches that no scan has found since `round`. */
  before(round: number): number[] {
    return this.#wdsOf((watch) => watch.round < round);
  }

  /** The descriptors of a directory's watch and of all watches below it. */
  below(path: ByteName): number[] {
    if (path === '') return [...this.#watches.keys()];
    return this.#wdsOf((watch) => watch.path === path || watch.path.startsWith(`${path}/`));
  }

  #wdsOf(isWanted: (watch: Watch) => boolean): number[] {
    const found: number[] = [];
    for (const [wd, watch] of this.#watches) if (isWanted(watch)) found.push(wd);
    return found;
  }
}
