/** Looks by paths, with Node's own `fs`: a parent that is a symlink now leads nowhere, as far as a path can tell. */
import { type BigIntStats, lstatSync, statSync } from 'node:fs';
import { folderOf } from '../files/places.js';
import { type ByteName, bytesOfName } from '../linux/names.js';
import { kindOf, pathBelow } from './engine/node-ground.js';
import type { OpenRoot } from './engine/types.js';
import type { Seen } from './picture.js';
import { isRacy, type Looker, timesAreExact } from './seen.js';

export class NodeLooker implements Looker {
  /** Directories that were looked at since `forget`. */
  readonly #directories = new Set<ByteName>();

  readonly #exactDevice: string | undefined;

  constructor(private readonly root: OpenRoot) {
    const place = pathBelow(root, '' as ByteName);
    // What is mounted below it may keep other times. The numbers of filesystems are Linux's.
    const isExact = process.platform === 'linux' && timesAreExact(place);
    this.#exactDevice = isExact ? `${statSync(bytesOfName(place), { bigint: true }).dev}:` : undefined;
  }

  look(path: ByteName): Seen | undefined {
    if (!this.#isDirectory(folderOf(path))) return undefined;
    const stat = this.#stat(path);
    return stat === undefined ? undefined : this.#seenOf(stat);
  }

  forget(): void {
    this.#directories.clear();
  }

  close(): void {
    this.forget();
  }

  #isDirectory(path: ByteName): boolean {
    if (path === '' || this.#directories.has(path)) return true;
    if (!this.#isDirectory(folderOf(path)) || this.#stat(path)?.isDirectory() !== true) return false;
    this.#directories.add(path);
    return true;
  }

  #stat(path: ByteName): BigIntStats | undefined {
    return lstatSync(bytesOfName(pathBelow(this.root, path)), { bigint: true, throwIfNoEntry: false });
  }

  #seenOf(stat: BigIntStats): Seen {
    const kind = kindOf(stat);
    const isDirectory = kind === 'directory';
    const file = `${stat.dev}:${stat.ino}:${stat.birthtimeNs}`;
    const isExact = this.#exactDevice !== undefined && file.startsWith(this.#exactDevice);
    return {
      kind,
      // Only for finding it again; `file` says whether it is the one.
      ino: Number(BigInt.asUintN(53, stat.ino)),
      file,
      content: isDirectory ? '' : `${stat.size}:${stat.mtimeNs}`,
      changed: String(stat.ctimeNs),
      links: isDirectory ? 1 : Number(stat.nlink),
      racy: !isDirectory && !isExact && isRacy(Number(stat.ctimeNs / 1_000n) / 1_000),
    };
  }
}
