/**
 * Changes of a tree that make a mirror doubt: names that are reused, files that differ only in content, trees that go
 * and come back with other content. Each act is a few system calls without a pause, as programs make them.
 */
import {
  closeSync,
  type Dirent,
  existsSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, join, relative } from 'node:path';
import { whole } from './judge.js';

export interface ActsOptions {
  /** The tree. One file in it stays forever, and so does every name with `marker`. */
  tree: string;
  /** A directory beside it, on the same filesystem. */
  outside: string;
  draw: (below: number) => number;
  /** `shared`: all files have the same mtime. `own`: a file keeps the mtime of its creation. */
  times: 'shared' | 'own';
}

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];
const DEPTH_MAX = 3;

export class RandomActs {
  /** A log of the acts, to debug a failure. */
  readonly log: string[] = [];
  #count = 0;
  /** The names that the mirror has checked, with their inodes. */
  #checked = new Map<string, number>();

  constructor(private readonly options: ActsOptions) {
    mkdirSync(options.outside, { recursive: true });
    this.#write(join(options.tree, 'always'));
  }

  /** One of the values. */
  act(): void {
    const [name, act] = this.#one(Object.entries(this.#acts));
    this.#note(`${name}:`);
    this.#try(act);
  }

  /**
   * Makes a hard link and writes through one of its names. The mirror must check before the next act: a write through a
   * link that went before any check cannot be traced to the other names (docs/watcher.md).
   */
  link(): void {
    this.#try(() => {
      const [path, other] = [this.#file(), this.#name()];
      this.#note('link', path, other);
      linkSync(path, other);
      this.#rewrite(this.#coin() ? path : other, true);
    });
  }

  /** To be called when the mirror has checked everything. */
  settled(): void {
    this.#checked = new Map(filesBelow(this.options.tree).map((path) => [path, lstatSync(path).ino]));
  }

  /**
   * A name of a linked file that the mirror may not have checked yet. The other names do not hear of a write through it
   * if it is removed before the check (docs/watcher.md). On a loaded machine that may be many acts later.
   */
  #isUnchecked(path: string): boolean {
    const found = statSync(path, { throwIfNoEntry: false });
    return found?.isFile() === true && found.nlink > 1 && this.#checked.get(path) !== found.ino;
  }

  /** Acts that are impossible now are skipped. */
  #try(act: () => void): void {
    try {
      act();
    } catch (error) {
      const { code } = error as { code?: string };
      if (!['ENOENT', 'EEXIST', 'ENOTEMPTY', 'ENOTDIR', 'EISDIR', 'EINVAL', 'ELOOP', 'EPERM'].includes(code ?? ''))
        throw error;
    }
  }

  readonly #acts: Record<string, () => void> = {
    write: () => this.#write(this.#name()),
    rewrite: () => this.#rewrite(this.#file()),
    rewriteAndRename: () => {
      const path = this.#file();
      this.#rewrite(path);
      this.#rename(path, this.#name());
    },
    rewriteAndRenameTree: () => {
      const folder = this.#directory();
      for (const path of filesBelow(folder)) if (this.#coin()) this.#rewrite(path);
      this.#rename(folder, this.#name());
    },
    rename: () => this.#rename(this.#coin() ? this.#file() : this.#directory(), this.#name()),
    exchangeFiles: () => this.#exchange(this.#file(), this.#file()),
    exchangeTrees: () => this.#exchange(this.#directory(), this.#directory()),
    outAndBack: () => this.#outAndBack(this.#coin() ? this.#file() : this.#directory()),
    fileBecomesTree: () => {
      const path = this.#file();
      this.#remove(path);
      this.#grow(path);
    },
    treeBecomesFile: () => {
      const path = this.#directory();
      this.#remove(path);
      this.#write(path);
    },
    grow: () => this.#grow(this.#name()),
    link: () => {
      const path = this.#coin() ? this.#file() : this.#name();
      if (existsSync(path)) this.#remove(path);
      symlinkSync(this.#one(NAMES), path);
    },
    remove: () => this.#remove(this.#file()),
    removeTree: () => this.#coin() && this.#remove(this.#directory()),
    comeAndGo: () => {
      const path = this.#name();
      this.#write(path);
      this.#remove(path);
    },
    removeAndComeBack: () => {
      const path = this.#file();
      this.#remove(path);
      this.#write(path);
    },
  };

  #note(what: string, ...paths: string[]): void {
    this.log.push([what, ...paths.map((path) => relative(this.options.tree, path))].join(' '));
  }

  /** Every size is one of two. */
  #content(size: number): Buffer {
    return whole(Buffer.alloc(size - 32, `${this.#count++} `));
  }

  #write(path: string): void {
    if (this.#isUnchecked(path)) return;
    this.#note('write', path);
    writeFileSync(path, this.#content(this.#coin() ? 100 : 3_000));
    giveTime(path, 1_000_000_000 + (this.options.times === 'own' ? this.#count : 0));
  }

  /** Other bytes, with no other visible change. `isKept`: the mirror checks before the next act. */
  #rewrite(path: string, isKept = false): void {
    if (!isKept && this.#isUnchecked(path)) return;
    this.#note('rewrite', path);
    const { size, mtimeMs } = statSync(path);
    const fd = openSync(path, 'r+');
    writeSync(fd, this.#content(size), 0, size, 0);
    closeSync(fd);
    giveTime(path, mtimeMs / 1_000);
  }

  #grow(path: string): void {
    mkdirSync(path);
    for (const name of NAMES.slice(0, 3)) this.#write(join(path, name));
  }

  #rename(from: string, to: string): void {
    if (isKept(from) || isKept(to)) return;
    this.#note('rename', from, to);
    renameSync(from, to);
  }

  #remove(path: string): void {
    this.#note('remove', path);
    rmSync(path, { recursive: true });
  }

  #exchange(a: string, b: string): void {
    if (a === b || isKept(a) || isKept(b)) return;
    if (`${a}/`.startsWith(`${b}/`) || `${b}/`.startsWith(`${a}/`)) return;
    this.#note('exchange', a, b);
    const aside = join(this.options.outside, 'aside');
    renameSync(a, aside);
    renameSync(b, a);
    renameSync(aside, b);
  }

  #outAndBack(path: string): void {
    const away = join(this.options.outside, 'away');
    if (isKept(path)) return;
    renameSync(path, away);
    // A write outside the tree, through another name of a file in the tree, causes no event.
    const files = (statSync(away).isDirectory() ? filesBelow(away) : [away]).filter(
      (file) => statSync(file).nlink === 1,
    );
    for (const file of files) if (this.#coin()) this.#rewrite(file);
    const back = this.#coin() ? path : this.#name();
    this.#note('out and back', path, back);
    try {
      renameSync(away, back);
    } catch {
      rmSync(away, { recursive: true });
    }
  }

  #coin = (): boolean => this.options.draw(2) === 0;
  #one = <T>(of: readonly T[]): T => of[this.options.draw(of.length)]!;

  #file(): string {
    const files = filesBelow(this.options.tree).filter((path) => !isKept(path));
    return files.length > 0 ? this.#one(files) : this.#name();
  }

  #directory(): string {
    const folders = directoriesBelow(this.options.tree);
    return folders.length > 0 ? this.#one(folders) : this.#name();
  }

  /** A name that may exist. */
  #name(): string {
    const { tree } = this.options;
    const shallow = directoriesBelow(tree).filter(
      (path) => path.split('/').length - tree.split('/').length < DEPTH_MAX,
    );
    return join(this.#one([tree, ...shallow]), this.#one(NAMES));
  }
}

const giveTime = (path: string, seconds: number): void => lutimesSync(path, seconds, seconds);
const isKept = (path: string): boolean => /^(always|marker.*)$/.test(basename(path));

const entriesBelow = (folder: string) =>
  existsSync(folder) && lstatSync(folder).isDirectory()
    ? readdirSync(folder, { withFileTypes: true, recursive: true })
    : [];

const below = (folder: string, wanted: (entry: Dirent) => boolean): string[] =>
  entriesBelow(folder)
    .filter(wanted)
    .map((entry) => join(entry.parentPath, entry.name));

const filesBelow = (folder: string): string[] => below(folder, (entry) => entry.isFile());
const directoriesBelow = (folder: string): string[] => below(folder, (entry) => entry.isDirectory());
