/** The racing writers of one directory: started together, with their reports about their files and their opens. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE, Program } from '../world/program.js';

/** The number of files of each kind, as a part of the requested number. */
const KINDS = { write: 1, map: 1, rename: 1, append: 1, truncate: 1, knock: 0.3 } as const;

export interface Written {
  /** By name: the checksums of its versions, and in `last` the one that must be kept. */
  versions: Map<string, { sums: Set<number>; last: number }>;
  /** By name: the number of appended lines. */
  lines: Map<string, number>;
  failed: string[];
  opens: number;
  /** The number of opens of whole files that wait only for their seal. */
  knocks: number;
  /** The number of whole files that were opened until their seal took the name away. */
  gone: number;
  slowestMs: number;
  /** The number of opens that took over 10 ms. */
  over: number;
  /** The slowest open that slept. Other slow opens only waited for a processor. */
  waited: number;
  slowestWaitMs: number;
  /** The slowest open that creates or cuts a file; it may wait for the filesystem's journal. */
  slowestCreateMs: number;
}

/** Undefined where there is no gcc. */
export function compileWriters(folder: string): string | undefined {
  const program = join(folder, 'adversary-writers');
  const source = join(PACKAGE, 'test', 'crash', 'adversary-writers.c');
  const made = spawnSync('gcc', ['-O1', '-Wall', '-o', program, source], { encoding: 'utf8' });
  if (made.error) return undefined;
  if (made.status !== 0) throw new Error(made.stderr);
  return program;
}

export async function writersIn(directory: string, program: string, each: number, seed: string): Promise<Written> {
  mkdirSync(directory, { recursive: true });
  const runs = Object.entries(KINDS).map(
    ([kind, part]) =>
      new Program(program, [kind, String(Math.ceil(part * each)), seed], undefined, { cwd: directory }).ended,
  );
  const told: Written = {
    versions: new Map(),
    lines: new Map(),
    failed: [],
    opens: 0,
    knocks: 0,
    gone: 0,
    over: 0,
    slowestMs: 0,
    waited: 0,
    slowestWaitMs: 0,
    slowestCreateMs: 0,
  };
  for (const { code, stdout } of await Promise.all(runs)) {
    if (code !== 0) throw new Error(`a writer ended with ${code}`);
    for (const line of stdout.trim().split('\n')) hear(line, told);
  }
  return told;
}

function hear(line: string, told: Written): void {
  const [word, name = '', ...rest] = line.split(' ');
  if (word === 'failed') told.failed.push(line);
  else if (word === 'lines') told.lines.set(name, Number(rest[0]));
  else if (word === 'opens') count([name, ...rest].map(Number), told);
  else if (word === 'whole' || word === 'version') {
    const versions = told.versions.get(name) ?? { sums: new Set(), last: 0 };
    versions.last = Number(rest[0]);
    versions.sums.add(versions.last);
    told.versions.set(name, versions);
  }
}

function count(
  [opens, slowest, waited, slowestWait, created, slowestCreate, knocks, gone, over]: number[],
  told: Written,
): void {
  told.opens += opens! + created!;
  told.knocks += knocks!;
  told.gone += gone!;
  told.over += over!;
  told.waited += waited!;
  told.slowestMs = Math.max(told.slowestMs, slowest!);
  told.slowestWaitMs = Math.max(told.slowestWaitMs, slowestWait!);
  told.slowestCreateMs = Math.max(told.slowestCreateMs, slowestCreate!);
}
