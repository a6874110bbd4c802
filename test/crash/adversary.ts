/**
 * What every adversary is: a scenario with a size, run on real processes, which answers what was done and what went wrong.
 * Does not: decide what is right; the oracle of test/world does, and each scenario's own record of what its writers wrote.
 */
import type { Found } from './mutants-world.js';

export interface AdversaryPlan {
  seed: string;
  /** The size that the guarantees are shown with; otherwise one that fits into `npm test`. */
  full: boolean;
  /** With what the product's programs are started: nothing, or a mutant's switch. */
  env?: NodeJS.ProcessEnv;
}

export interface AdversaryReport {
  /** What was done and seen, in words, in the order in which a table shows it. */
  figures: Record<string, number | string>;
  violations: Found[];
  /** Whole sentences. */
  notTested: string[];
}

export interface Adversary {
  name: string;
  run(plan: AdversaryPlan): Promise<AdversaryReport>;
}

export const nothingYet = (): AdversaryReport => ({ figures: {}, violations: [], notTested: [] });
