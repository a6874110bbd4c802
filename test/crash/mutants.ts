/**
 * Judges the mutants: each must be caught by the run that the unchanged build passes.
 * `unchanged` is that other half; without it a run that always fails would "catch" everything.
 */

import { type RunName, runs } from './mutants-runs.js';
import type { Mutant } from './mutants-shape.js';
import { mutants, switchedTo } from './mutants-table.js';

export interface Judged {
  name: string;
  run: RunName;
  /** Undefined: it could not be run here (`verdict` says why). For a mutant true is good, for the unchanged build false. */
  caught: boolean | undefined;
  /** The violations by name, or why there are none. */
  verdict: string;
  seconds: number;
}

/** Enough for the rarest of them; a mutant ends with its first violation. */
const CUTS = 36;

export const judge = (mutant: Mutant, seed: string, cuts = CUTS): Promise<Judged> =>
  judged(mutant.name, mutant.run, seed, cuts, switchedTo(mutant.name));

/** Every run that some mutant must fail, on the build as it is. */
export async function unchanged(seed: string, cuts = CUTS): Promise<Judged[]> {
  const all: Judged[] = [];
  for (const run of new Set(mutants.map((mutant) => mutant.run)))
    all.push(await judged('unchanged', run, seed, cuts, {}));
  return all;
}

async function judged(name: string, run: RunName, seed: string, cuts: number, env: NodeJS.ProcessEnv): Promise<Judged> {
  const began = performance.now();
  const found = await runs[run]({ seed, env, cuts });
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  if (typeof found === 'string') return { name, run, caught: undefined, verdict: found, seconds };
  const kinds = [...new Set(found.map(({ kind }) => kind))];
  const verdict = found.length === 0 ? 'no violation' : `${kinds.join(', ')} (${found[0]!.what.slice(0, 160)})`;
  return { name, run, caught: found.length > 0, verdict, seconds };
}
