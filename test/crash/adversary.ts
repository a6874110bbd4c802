/**
 * The shape of an adversary: a scenario with a size, run on real processes, that reports its acts and its violations.
 * Does not: decide what is right. The oracle of test/world does, and each scenario's own record of its writers.
 */
import type { Found } from './mutants-world.js';

export interface AdversaryPlan {
  seed: string;
  /** The size of the published results; otherwise one that fits into `npm test`. */
  full: boolean;
  /** The environment of the product's programs: nothing, or a mutant's switch. */
  env?: NodeJS.ProcessEnv;
}

export interface AdversaryReport {
  /** Acts and observations in words, in the order of a table. */
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
