/**
 * Checks paths with Node's own `fs`. A parent that is a symlink now leads nowhere, as far as a path can show that.
 */
import { type BigIntStats, lstatSync, statSync } from 'node:fs';
import { folderOf } from '../../files/job-paths.js';
import { type ByteName, bytesOfName } from '../../linux/names.js';
import { kindOf, pathBelow } from '../backend/node-backend.js';
import type { OpenRoot } from '../backend/types.js';
import type { Seen } from './delivered-tree.js';
import { isRacy, type Looker, timesAreExact } from './looker.js';

export class NodeLooker implements Looker {
  /** Directories that were checked since `forget`. */
  readonly #directories = new Set<ByteName>();

  readonly #place: ByteName;
  readonly #root: string | undefined;
  readonly #exactDevice: string | undefined;

  constructor(private readonly root: OpenRoot) {
    this.#place = pathBelow(root, '' as ByteName);
    this.#root = this.#rootId();
    // A filesystem mounted below the root may store times differently. The filesystem numbers are those of Linux.
    const isExact = process.platform === 'linux' && timesAreExact(this.#place);
    this.#exactDevice = isExact ? this.#root?.slice(0, this.#root.indexOf(':') + 1) : undefined;
  }

  look(path: ByteName): Seen | undefined {
    const stat = this.#isDirectory(folderOf(path)) ? this.#stat(path) : undefined;
    if (stat !== undefined) return this.#seenOf(stat);
    // If the root itself is gone, nothing is below it, but nothing was deleted either.
    const isThere = this.#root !== undefined && this.#rootId() === this.#root;
    if (!isThere) throw Object.assign(new Error('the root is not there'), { code: 'ESTALE' });
    return undefined;
  }

  forget(): void {
    this.#directories.clear();
  }

  close(): void {
    this.forget();
  }

  #rootId(): string | undefined {
    const stat = statSync(bytesOfName(this.#place), { bigint: true, throwIfNoEntry: false });
    return stat && `${stat.dev}:${stat.ino}:${stat.birthtimeNs}`;
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
      // Only used to find the file again; `file` decides whether it is the same one.
      ino: Number(BigInt.asUintN(53, stat.ino)),
      file,
      content: isDirectory ? '' : `${stat.size}:${stat.mtimeNs}`,
      changed: isDirectory ? '' : String(stat.ctimeNs),
      links: isDirectory ? 1 : Number(stat.nlink),
      doubted: !isDirectory && isRacy(Number(stat.ctimeNs / 1_000n) / 1_000, isExact),
    };
  }
}
