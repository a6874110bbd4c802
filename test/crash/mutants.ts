/**
 * Judges the mutants: each must be caught by the run that the unchanged build passes, by a violation that names its harm.
 * `unchanged` is that other half; without it a run that always fails would "catch" everything.
 */

import { type RunName, runs } from './mutants-runs.js';
import type { Mutant } from './mutants-shape.js';
import { mutants, switchedTo } from './mutants-table.js';
import type { Found } from './mutants-world.js';
import { entryOf, type Unit } from './unit.js';

export interface Judged {
  name: string;
  run: RunName;
  /** The reason why it could not run here. */
  untested: string | undefined;
  found: Found[];
  /** The violations that name a harm. */
  harm: string[];
  /** Cuts, moments or tries, until it was caught. */
  rounds: number;
  seconds: number;
}

/** Enough for the rarest of them; a mutant ends with its first violation. */
const CUTS = 36;
const TRIES = 5;
/** A failed wait, a run that refused to go on, or an edit that fails by itself does not show what was broken. */
const NAMELESS = ['stuck', 'failed', 'bug', 'hangs', 'crashed', 'survived'];

export const judge = (mutant: Mutant, seed: string, cuts = CUTS): Promise<Judged> =>
  judged(mutant.name, mutant.run, { seed, cuts, env: switchedTo(mutant.name), tries: TRIES });

/** Every run that some mutant must fail, on the build as it is. */
export const allRuns = (): RunName[] => [...new Set(mutants.map((mutant) => mutant.run))];

export const unchanged = (run: RunName, seed: string, cuts = CUTS): Promise<Judged> =>
  judged('unchanged', run, { seed, cuts, env: {}, tries: 1 });

interface Tried {
  seed: string;
  cuts: number;
  env: NodeJS.ProcessEnv;
  tries: number;
}

async function judged(name: string, run: RunName, { seed, cuts, env, tries }: Tried): Promise<Judged> {
  const began = performance.now();
  const answer: Judged = { name, run, untested: undefined, found: [], harm: [], rounds: 0, seconds: 0 };
  for (let n = 0; n < tries && answer.harm.length === 0; n++) {
    const ran = await runs[run]({ seed: `${seed} try ${n}`, env, cuts });
    if (typeof ran === 'string') return { ...answer, untested: ran };
    answer.rounds += ran.rounds;
    answer.found.push(...ran.found);
    answer.harm = [...new Set(answer.found.map(({ kind }) => kind))].filter((kind) => !NAMELESS.includes(kind));
  }
  return { ...answer, seconds: Math.round((performance.now() - began) / 100) / 10 };
}

/** First the runs on the build as it is, then each mutant. */
export const mutantUnits = (seed: string): Unit[] => [
  ...allRuns().map((run): Unit => {
    const unit = { part: 'mutants' as const, name: `unchanged ${run}` };
    return {
      ...unit,
      run: async () => {
        const { found, untested, rounds } = await unchanged(run, `${seed} ${unit.name}`);
        return entryOf(unit, { violations: found, counts: { rounds }, ...(untested && { untested }) });
      },
    };
  }),
  ...mutants.map((mutant): Unit => {
    const unit = { part: 'mutants' as const, name: `mutant ${mutant.name}` };
    return {
      ...unit,
      run: async () => {
        const { harm, run, rounds, found, untested } = await judge(mutant, `${seed} ${unit.name}`);
        const seen = found.map(({ kind, what }) => `${kind}: ${what}`).join('; ') || 'no violation';
        const missed = { kind: 'not_caught', what: `${mutant.breaks}, and the run "${run}" saw ${seen}` };
        return entryOf(unit, {
          violations: harm.length > 0 || untested !== undefined ? [] : [missed],
          mutant: { breaks: mutant.breaks, run, harm, rounds },
          ...(untested && { untested }),
        });
      },
    };
  }),
];
