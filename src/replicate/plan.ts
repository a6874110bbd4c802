/**
 * What a look at everything would do, said and not done: the same questions as the mirror asks, in the same order.
 * Guarantees: changes nothing, not even what a first start would make in DEST.
 * Does not: compare contents that have one size and one mtime, unless it is asked to (`checksum`).
 */
import { setImmediate as turn } from 'node:timers/promises';
import { Directories } from '../files/directories.js';
import { namesIn } from '../files/names-in.js';
import { baseOf, folderOf } from '../files/places.js';
import {
  AT_FDCWD,
  type ByteName,
  joinNames,
  nameOfText,
  openDirectory,
  readLinkAt,
  type Stat,
} from '../linux/index.js';
import { sameContent } from './copy-file.js';
import { Compare } from './difference.js';
import { codeOf, isGone } from './failures.js';
import { limits } from './limits.js';
import { lookAtBoth } from './open.js';
import { statIn } from './trees.js';
import { isSpecial, type ReplicateOptions } from './types.js';

export type PlannedAct = 'copy' | 'make' | 'link' | 'attributes' | 'remove' | 'replace' | 'leave' | 'fail';

export interface Planned {
  act: PlannedAct;
  path: ByteName;
  bytes: number;
  why: string;
}

/** Errors: OperatorError, EnvironmentError. */
export async function planReplica(options: ReplicateOptions, tell: (planned: Planned) => void): Promise<void> {
  const { rules } = lookAtBoth(options);
  const [source, dest] = [options.source, options.dest].map(
    (path) => new Directories(openDirectory(AT_FDCWD, nameOfText(path))),
  ) as [Directories, Directories];
  try {
    const plan = new Plan(source, dest, rules, options, tell);
    const pending = ['' as ByteName];
    while (pending.length > 0) pending.push(...(await plan.directory(pending.pop()!)));
  } finally {
    source.close();
    dest.close();
  }
}

class Plan {
  readonly #compare = new Compare(1n);

  constructor(
    readonly source: Directories,
    readonly dest: Directories,
    private readonly rules: ReturnType<typeof lookAtBoth>['rules'],
    private readonly options: ReplicateOptions,
    private readonly tell: (planned: Planned) => void,
  ) {}

  /** Answers the directories in it. */
  async directory(path: ByteName): Promise<ByteName[]> {
    const found: ByteName[] = [];
    await this.#told(path, async () => {
      let n = 0;
      for (const name of namesIn(this.source.directory(path))) {
        if (++n % limits.sliceNames === 0) await turn();
        const child = joinNames(path, name);
        await this.#told(child, async () => {
          if (await this.#one(child)) found.push(child);
        });
      }
      if (this.options.delete ?? true) this.#strays(path);
    });
    return found;
  }

  #strays(path: ByteName): void {
    if (statIn(this.dest, path)?.kind !== 'directory' && path !== '') return;
    for (const name of namesIn(this.dest.directory(path))) {
      const child = joinNames(path, name);
      const stray = statIn(this.dest, child);
      if (!stray || statIn(this.source, child) || !this.rules.covers(child, stray.kind === 'directory')) continue;
      this.#say('remove', child, 0, stray.kind === 'directory' ? 'with all below it' : 'SOURCE does not have it');
    }
  }

  /** Answers whether it is a directory of the mirror. */
  async #one(path: ByteName): Promise<boolean> {
    const [source, dest] = [statIn(this.source, path), statIn(this.dest, path)];
    if (!source || !this.rules.covers(path, source.kind === 'directory')) return false;
    if (isSpecial(source.kind)) {
      this.#say('leave', path, 0, `a ${source.kind} is not mirrored`);
      return false;
    }
    if (dest && dest.kind !== source.kind) this.#say('replace', path, 0, `a ${dest.kind} becomes a ${source.kind}`);
    if (source.kind === 'directory') {
      if (dest?.kind !== 'directory') this.#say('make', path, 0, 'a directory');
    } else if (source.kind === 'symlink') this.#link(path, source, dest);
    else await this.#file(path, source, dest);
    return source.kind === 'directory';
  }

  #link(path: ByteName, { size }: Stat, dest: Stat | undefined): void {
    const leadsTo = (side: Directories) => readLinkAt(side.directory(folderOf(path)), baseOf(path));
    if (dest?.kind !== 'symlink' || leadsTo(this.source) !== leadsTo(this.dest))
      this.#say('link', path, size, 'a symlink');
  }

  async #file(path: ByteName, source: Stat, dest: Stat | undefined): Promise<void> {
    const why = await this.#whyCopied(path, source, dest);
    if (why !== undefined) this.#say('copy', path, source.size, why);
    else if (!this.#compare.sameAttributes(source, dest!))
      this.#say('attributes', path, 0, 'mode, owner or times differ');
  }

  async #whyCopied(path: ByteName, source: Stat, dest: Stat | undefined): Promise<string | undefined> {
    if (dest?.kind !== 'file') return 'DEST does not have it';
    if (source.size !== dest.size) return 'the size differs';
    if (!this.options.checksum) return this.#compare.sameTime(source, dest) ? undefined : 'the mtime differs';
    return (await sameContent(this, path)) ? undefined : 'the content differs';
  }

  #say(act: PlannedAct, path: ByteName, bytes: number, why: string): void {
    this.tell({ act, path, bytes, why });
  }

  async #told(path: ByteName, look: () => Promise<void>): Promise<void> {
    try {
      await look();
    } catch (error) {
      if (isGone(error)) return;
      const code = codeOf(error);
      if (code === undefined) throw error;
      this.#say('fail', path, 0, `it cannot be looked at (${code})`);
    }
  }
}
