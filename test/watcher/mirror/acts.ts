/**
 * Random operations on a tree, as several users do them at the same time. The tree has a shared part, which all of them
 * change, and a private part for each; hard links are made only in the private parts.
 * Changes that no watcher can know are left out. The kernel reports a write only under the name through which it came.
 * So a write through a link that was never seen, or that another process may remove, cannot be reported. Therefore
 * links are made in every other round, and in those rounds no name of the private part is removed. Files that stay open
 * have names that are never linked.
 * Symlinks lead to siblings and to themselves: nothing outside is reached through them.
 */
import * as fs from 'node:fs';
import { type ByteName, bytesOfName, joinNames, nameOfText } from '../../../src/linux/names.js';
import { chance } from '../../world/chance.js';
import { ACTS, type Act, type Removes } from './deck.js';

/** If two processes act on one path, one comes too late. A directory cannot replace its own content. */
const RACES = new Set(['ENOENT', 'EEXIST', 'ENOTDIR', 'EISDIR', 'ENOTEMPTY', 'EINVAL', 'ELOOP', 'EPERM', 'EMLINK']);
const NAMES = { f: 10, d: 3, h: 3, s: 3, b: 3 };
const DEPTH_MAX = 4;
const OUTSIDE = 4;
const TRIES = 4;

export interface ActorOptions {
  root: string;
  /** A directory on the same filesystem that is not watched. */
  outside: string;
  number: number;
  seed: number;
  /** Some names are not UTF-8. */
  odd: boolean;
  /** Some names begin with a dot. */
  dots?: boolean;
  /** Hard links are made. Default true. */
  links?: boolean;
}

export class Actor {
  readonly draw: (n: number) => number;
  /** The last operation, and the paths that it used. */
  last = { act: '', paths: [] as Buffer[] };
  readonly #deck: [Act, Removes?][];
  readonly #options: ActorOptions;
  readonly #private: ByteName;
  /** The part of the tree in which this operation works. */
  #within = '' as ByteName;
  #held: number | undefined;
  /** True: links are made in this round. */
  #links = false;

  constructor(options: ActorOptions, acts = ACTS) {
    this.#options = options;
    this.#deck = acts.flatMap(([times, act, removes]) => Array<[Act, Removes?]>(times).fill([act, removes]));
    this.draw = chance(options.seed);
    this.#private = nameOfText(`k${options.number}`);
    this.enter();
  }

  /** The root exists, perhaps another one. */
  enter(): void {
    fs.mkdirSync(this.#at(this.#private), { recursive: true });
  }

  /** False: there was nothing to act on, or another process was quicker. */
  act(): boolean {
    const [act, removes] = this.#deck[this.draw(this.#deck.length)]!;
    this.last = { act: act.name || String(act).replace(/^.*?=> /, ''), paths: [] };
    const isPrivate = this.draw(3) === 0 && !(this.#links && removes);
    this.#within = isPrivate ? this.#private : ('' as ByteName);
    try {
      act(this);
      return true;
    } catch (error) {
      if (RACES.has((error as NodeJS.ErrnoException).code ?? '')) return false;
      throw error;
    }
  }

  /** Two events each: fills the kernel's queue. */
  noise(renames: number): void {
    const [one, other] = ['a', 'b'].map((name) => this.#at(joinNames(this.#private, nameOfText(`n${name}`))));
    fs.writeFileSync(one!, '');
    for (let n = 0; n < renames; n += 2) {
      fs.renameSync(one!, other!);
      fs.renameSync(other!, one!);
    }
  }

  content(): Buffer {
    return Buffer.from(`${this.draw(2 ** 31)} `.repeat(this.draw(20)));
  }

  /** A path of that class, existing or not. */
  any(kind: keyof typeof NAMES): Buffer {
    const path = this.#at(joinNames(this.#directory(), this.#name(kind)));
    this.last.paths.push(path);
    return path;
  }

  /** A few tries to find an existing path. */
  existing(kind: keyof typeof NAMES): Buffer {
    let path = this.any(kind);
    for (let tries = 1; tries < TRIES && !fs.lstatSync(path, { throwIfNoEntry: false }); tries++) {
      this.last.paths.pop();
      path = this.any(kind);
    }
    return path;
  }

  edit(act: (fd: number) => void): void {
    const fd = fs.openSync(this.existing('f'), fs.constants.O_RDWR | fs.constants.O_NOFOLLOW);
    try {
      act(fd);
    } finally {
      fs.closeSync(fd);
    }
  }

  nest(): void {
    const path = Buffer.concat([this.any('d'), Buffer.from(`/d${this.draw(NAMES.d)}/d${this.draw(NAMES.d)}`)]);
    fs.mkdirSync(path, { recursive: true });
    fs.writeFileSync(Buffer.concat([path, Buffer.from('/f0')]), this.content());
  }

  nextRound(): void {
    this.#links = !this.#links && this.#options.links !== false;
  }

  link(): void {
    if (!this.#links) return;
    this.#within = this.#private;
    fs.linkSync(this.existing('f'), this.any('f'));
  }

  symlink(): void {
    const path = this.any('s');
    if (fs.lstatSync(path, { throwIfNoEntry: false })) fs.unlinkSync(path);
    fs.symlinkSync(['f1', 'd1', '.', 'nowhere'][this.draw(4)]!, path);
  }

  /** Writes into a file that it keeps open over several operations, including checks of the tree. */
  hold(): void {
    this.#held ??= fs.openSync(this.any('h'), 'a');
    fs.writeSync(this.#held, this.content());
    if (this.draw(3) > 0) return;
    fs.closeSync(this.#held);
    this.#held = undefined;
  }

  replace(): void {
    const path = this.any('f');
    const aside = Buffer.concat([path, Buffer.from(`.new${this.#options.number}`)]);
    fs.writeFileSync(aside, this.content());
    fs.renameSync(aside, path);
  }

  moveOut(): void {
    this.inShared();
    const to = this.outside();
    fs.rmSync(to, { recursive: true, force: true });
    fs.renameSync(this.existing('d'), to);
  }

  moveIn(): void {
    this.inShared();
    fs.renameSync(this.outside(), this.any('d'));
  }

  /** This operation works in the shared part, which has no hard links. */
  inShared(): void {
    this.#within = '' as ByteName;
  }

  /** A path that is not watched, existing or not. */
  outside(): string {
    return `${this.#options.outside}/${this.draw(OUTSIDE)}`;
  }

  #directory(): ByteName {
    let path = this.#within;
    for (let depth = 0; depth < DEPTH_MAX && this.draw(3) > 0; depth++) {
      const below = joinNames(path, this.#name('d'));
      if (!fs.lstatSync(this.#at(below), { throwIfNoEntry: false })?.isDirectory()) break;
      path = below;
    }
    return path;
  }

  #name(kind: keyof typeof NAMES): ByteName {
    const odd = this.#options.odd && this.draw(8) === 0 ? '\xff\xfe' : '';
    const dot = this.#options.dots && this.draw(10) === 0 ? '.' : '';
    return `${dot}${kind}${odd}${this.draw(NAMES[kind])}` as ByteName;
  }

  #at(path: ByteName): Buffer {
    return bytesOfName(joinNames(nameOfText(this.#options.root), path));
  }
}
