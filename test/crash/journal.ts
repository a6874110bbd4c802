/**
 * The journal: one line of JSON for each round. An interrupted run is resumed from it, and the report is made of it.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PACKAGE } from '../world/program.js';
import { type Build, buildNow } from './build.js';
import type { Violation } from './round.js';

export interface Entry {
  part: string;
  name: string;
  /** The point of each fault; null where the run had fewer calls. */
  points: (string | null)[];
  /** Calls of the run without a fault that followed. */
  recoveryCalls: number;
  retried: boolean;
  violations: Violation[];
  /** Other counts: cuts by disk, moments, files. */
  counts?: Record<string, number>;
  /** Acts and observations of an adversary, in words. */
  figures?: Record<string, number | string>;
  mutant?: MutantEntry;
  /** The reason why it, or a part of it, could not be tested here. */
  untested?: string;
  /** The tested build: a run that is resumed after a fix goes on with another one. */
  build?: Build;
}

/** How a mutant was caught. */
export interface MutantEntry {
  breaks: string;
  run: string;
  /** The violations that name its harm. */
  harm: string[];
  /** Kills, cuts or tries until then. */
  rounds: number;
}

export interface Head {
  seed: string;
  version: string;
  begun: string;
  /** Some units of each part alone. */
  short: boolean;
}

export class Journal {
  readonly entries: Entry[] = [];
  /** Rounds with violations that were run again since. */
  readonly mended: Entry[] = [];

  private constructor(
    readonly path: string,
    readonly head: Head,
  ) {}

  static begin(path: string, head: Head): Journal {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${JSON.stringify(head)}\n`);
    return new Journal(path, head);
  }

  /** Undefined where there is none. */
  static resume(path: string): Journal | undefined {
    if (!existsSync(path)) return undefined;
    // The last line may be torn: its round is done again.
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    const journal = new Journal(path, JSON.parse(lines[0]!) as Head);
    for (const line of lines.slice(1)) journal.#take(JSON.parse(line) as Entry);
    writeFileSync(path, `${lines.join('\n')}\n`);
    return journal;
  }

  /** A round that was run again after a fix counts with its last result. */
  #take(entry: Entry): void {
    const earlier = this.entries.findIndex(({ part, name }) => part === entry.part && name === entry.name);
    const before = earlier >= 0 ? this.entries.splice(earlier, 1) : [];
    this.mended.push(...before.filter(({ violations }) => violations.length > 0));
    this.entries.push(entry);
  }

  add(entry: Entry): void {
    const noted = { ...entry, build: buildNow() };
    this.#take(noted);
    appendFileSync(this.path, `${JSON.stringify(noted)}\n`);
  }
}

export const versionNow = (): string =>
  (JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { version: string }).version;
