/**
 * The acts on DEST, one a method: each looks anew at what it changes, and is done in one step as far as a reader sees.
 * Guarantees: nothing of DEST is opened through a symlink; what gives way to something else goes in the moment in which that
 * comes, or leaves whole. Each directory in which something was done is in `touched`, until `settle`.
 */
import { closeSync, fchmodSync, fsync } from 'node:fs';
import { promisify } from 'node:util';
import { asFarAsAllowed, keepAttributes } from '../files/copy.js';
import type { Paced } from '../files/pace.js';
import { baseOf, folderOf } from '../files/places.js';
import {
  type ByteName,
  makeDirectoryAt,
  makeSymlinkAt,
  openData,
  readLinkAt,
  renameReplacing,
  type Stat,
  setOwnerAt,
  setTimesAt,
  statAtOrNone,
  statFd,
  unlinkAt,
} from '../linux/index.js';
import type { Emit } from '../telemetry/emit.js';
import { copyFile, isAtRest, sameContent } from './copy-file.js';
import type { Dest } from './dest.js';
import type { Compare } from './difference.js';
import { CannotMirror, isGone, MovedOn } from './failures.js';
import { Known } from './known.js';
import { Lanes } from './lanes.js';
import { limits } from './limits.js';
import { removeTree } from './remove-tree.js';
import type { Rules } from './rules.js';
import type { Source } from './source.js';
import type { Trees } from './trees.js';
import type { Totals } from './types.js';

const fsyncAsync = promisify(fsync);
const isRoot = process.geteuid?.() === 0;
const OWN_ALL = 0o700;

export interface ActsParts {
  source: Source;
  dest: Dest;
  rules: Rules;
  compare: Compare;
  delete: boolean;
  checksum: boolean;
  totals: Totals;
  emit: Emit;
  /** Something new is in DEST: there was room for it. */
  wrote: () => void;
}

export class Acts {
  readonly #known = new Known();

  /** `giveWay`: resolves when no large copy is under way at or below the path. */
  constructor(
    private readonly parts: ActsParts,
    private readonly giveWay: (path: ByteName) => Promise<void>,
  ) {}

  /** The directory of DEST that is to be as that of SOURCE, made with its parents where it is missing. Answers its descriptor. */
  ensure(trees: Trees, path: ByteName): number {
    try {
      return trees.dest.directory(path);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
    if (trees.inSource(path)?.kind !== 'directory') throw new MovedOn();
    this.ensure(trees, folderOf(path));
    const parent = this.#ready(trees, folderOf(path));
    const there = statAtOrNone(parent, baseOf(path));
    if (there !== undefined && there.kind !== 'directory') {
      if (!this.parts.delete) throw kept('a file lies where a directory belongs');
      unlinkAt(parent, baseOf(path));
      this.parts.totals.removed++;
    }
    if (there?.kind !== 'directory') {
      makeDirectoryAt(parent, baseOf(path), OWN_ALL);
      this.parts.totals.made++;
      this.parts.wrote();
    }
    return this.#ready(trees, path);
  }

  /** `self`: of SOURCE. */
  compareDirectory(trees: Trees, path: ByteName, self: Stat): void {
    const dest = statFd(trees.dest.directory(path));
    if (path !== '' && !this.parts.compare.sameAttributes(self, dest)) trees.touched.add(path);
  }

  /** Whether nothing is to be copied; the attributes are set right away. `told`: only what is known to be copied counts. */
  isLike(trees: Trees, path: ByteName, source: Stat, told: boolean): boolean {
    const { compare, checksum } = this.parts;
    const dest = trees.inDest(path);
    if (dest === undefined || !compare.sameFile(source, dest)) return false;
    if (told ? !this.#known.is(path, source.version) : checksum) return false;
    if (!compare.sameAttributes(source, dest)) this.#setAttributes(trees, path, source);
    return true;
  }

  async file(trees: Trees, path: ByteName, told: boolean, pace?: Paced): Promise<void> {
    const { checksum, totals, dest, wrote } = this.parts;
    if (checksum && !told && (await this.#sameBytes(trees, path))) return;
    const copied = await copyFile(trees, path, {
      temporary: dest.newName(),
      into: () => {
        this.ensure(trees, folderOf(path));
        return this.#ready(trees, folderOf(path));
      },
      clearWay: () => this.#clearWay(trees, path),
      pace,
    });
    this.#known.note(path, copied.version);
    totals.copied++;
    totals.bytes += copied.size;
    wrote();
  }

  symlink(trees: Trees, path: ByteName, source: Stat): void {
    const target = readLinkAt(trees.source.directory(folderOf(path)), baseOf(path));
    this.ensure(trees, folderOf(path));
    const into = trees.dest.directory(folderOf(path));
    const there = statAtOrNone(into, baseOf(path));
    if (there?.kind === 'symlink' && readLinkAt(into, baseOf(path)) === target) {
      if (!this.parts.compare.sameAttributes(source, there)) this.#setLinkAttributes(into, baseOf(path), source);
      return;
    }
    const temporary = this.parts.dest.newName();
    makeSymlinkAt(target, trees.making, temporary);
    try {
      this.#setLinkAttributes(trees.making, temporary, source);
      this.#ready(trees, folderOf(path));
      this.#clearWay(trees, path);
      renameReplacing(trees.making, temporary, into, baseOf(path));
    } catch (error) {
      unlinkAt(trees.making, temporary);
      throw error;
    }
    this.parts.totals.copied++;
    this.parts.wrote();
  }

  /** A directory goes whole: in one step out of sight, then from the disk; one in which something is left out keeps that. */
  async remove(trees: Trees, path: ByteName, there: Stat): Promise<void> {
    const { rules, source, totals } = this.parts;
    if (!this.parts.delete) return;
    source.refuseLost(trees, path, true);
    await this.giveWay(path);
    const dir = this.#ready(trees, folderOf(path));
    if (there.kind !== 'directory') {
      unlinkAt(dir, baseOf(path));
      totals.removed++;
      return;
    }
    if (rules.all) {
      totals.removed += await removeTree(trees.making, this.#putAside(trees, path));
      return;
    }
    trees.dest.leave(path);
    const below = (at: ByteName) => (folderOf(path) === '' ? at : (`${folderOf(path)}/${at}` as ByteName));
    totals.removed += await removeTree(dir, baseOf(path), (at, isDirectory) => !rules.covers(below(at), isDirectory));
  }

  /**
   * What was renamed in SOURCE is renamed in DEST, where what lies there is known to be its copy. Answers whether it was; if not,
   * both names are looked at like any others.
   */
  async move(trees: Trees, from: ByteName, to: ByteName): Promise<boolean> {
    const { rules, compare, checksum, source, totals } = this.parts;
    const [now, copy] = [trees.inSource(to), trees.inDest(from)];
    const isDirectory = now?.kind === 'directory';
    if (now === undefined || copy?.kind !== now.kind || now.kind === 'symlink' || trees.inSource(from) !== undefined)
      return false;
    if (!this.parts.delete || !rules.all) return false;
    // A directory may take another one's place only by removing that; and contents are compared below it in any case.
    if (trees.inDest(to) !== undefined) return false;
    if (!isDirectory && (checksum || !compare.sameFile(now, copy))) return false;
    source.refuseLost(trees, from, true);
    source.refuseLost(trees, to, true);
    await this.giveWay(from);
    this.ensure(trees, folderOf(to));
    const [dir, into] = [this.#ready(trees, folderOf(from)), this.#ready(trees, folderOf(to))];
    if (isDirectory) this.#ready(trees, from);
    trees.dest.leave(from);
    renameReplacing(dir, baseOf(from), into, baseOf(to));
    trees.touched.delete(from);
    if (isDirectory) this.#known.moved(from, to);
    else {
      if (!compare.sameAttributes(now, copy)) this.#setAttributes(trees, to, now);
      // A write from here on gives it another mtime, if this one is at rest.
      if (isAtRest(now.mtimeNs)) this.#known.note(to, now.version);
    }
    totals.moved++;
    return true;
  }

  /** Gives the directories that were touched the mode, owner and times of SOURCE, and syncs them. Answers what failed. */
  async settle(trees: Trees): Promise<{ path: ByteName; error: unknown }[]> {
    const failed: { path: ByteName; error: unknown }[] = [];
    const lanes = new Lanes(limits.lanes);
    // Below first: a directory may be one in which its owner may not look.
    for (const path of [...trees.touched].sort().reverse()) {
      await lanes.add(async () => {
        try {
          await this.#settleOne(trees, path);
        } catch (error) {
          // Removed since, by one that was told of it.
          if (!isGone(error)) failed.push({ path, error });
        }
      });
    }
    await lanes.idle();
    trees.touched.clear();
    return failed;
  }

  async #settleOne(trees: Trees, path: ByteName): Promise<void> {
    const fd = trees.dest.directory(path);
    const source = path === '' ? undefined : trees.inSource(path);
    if (source?.kind === 'directory' && !this.parts.compare.sameAttributes(source, statFd(fd)))
      keepAttributes(fd, source);
    // More directories may be touched than stay open: the descriptor is looked up and used in one turn.
    await fsyncAsync(fd);
  }

  /** The directory, where something is about to be done in it. */
  #ready(trees: Trees, path: ByteName): number {
    const fd = trees.dest.directory(path);
    if (trees.touched.has(path)) return fd;
    trees.touched.add(path);
    const { mode } = statFd(fd);
    // Root needs no permission; others give it themselves until `settle`.
    if (!isRoot && (mode & OWN_ALL) !== OWN_ALL) fchmodSync(fd, mode | OWN_ALL);
    return fd;
  }

  /** A rename replaces anything but a directory: that is put aside, and goes with the rest of what was being made. */
  #clearWay(trees: Trees, path: ByteName): void {
    if (trees.inDest(path)?.kind !== 'directory') return;
    this.parts.source.refuseLost(trees, path, true);
    if (!this.parts.delete) throw kept('a directory lies where a file belongs, and --no-delete is set');
    if (!this.parts.rules.all) throw kept('a directory lies where a file belongs, and something in it may be left out');
    trees.aside.push(this.#putAside(trees, path));
    this.parts.totals.removed++;
  }

  #putAside(trees: Trees, path: ByteName): ByteName {
    const name = this.parts.dest.newName();
    this.#ready(trees, path); // to be renamed into another directory it must be writable
    const dir = this.#ready(trees, folderOf(path));
    trees.dest.leave(path);
    for (const at of [...trees.touched]) if (at === path || at.startsWith(`${path}/`)) trees.touched.delete(at);
    renameReplacing(dir, baseOf(path), trees.making, name);
    return name;
  }

  async #sameBytes(trees: Trees, path: ByteName): Promise<boolean> {
    const [source, dest] = [trees.inSource(path), trees.inDest(path)];
    if (source?.kind !== 'file' || dest?.kind !== 'file' || source.size !== dest.size) return false;
    if (!(await sameContent(trees, path))) return false;
    if (!this.parts.compare.sameAttributes(source, dest)) this.#setAttributes(trees, path, source);
    return true;
  }

  #setAttributes(trees: Trees, path: ByteName, source: Stat): void {
    const fd = openData(trees.dest.directory(folderOf(path)), baseOf(path));
    try {
      if (statFd(fd).kind !== 'file') throw new MovedOn();
      keepAttributes(fd, source);
      this.parts.totals.touched++;
    } finally {
      closeSync(fd);
    }
  }

  /** Linux keeps no mode of a symlink. */
  #setLinkAttributes(dir: number, name: ByteName, source: Stat): void {
    asFarAsAllowed(() => setOwnerAt(dir, name, source.uid, source.gid));
    asFarAsAllowed(() => setTimesAt(dir, name, source.atimeNs, source.mtimeNs));
  }
}

const kept = (sentence: string): CannotMirror => new CannotMirror('kept', sentence);
