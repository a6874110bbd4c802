/**
 * The contract of the watcher's events, tested through its interface only: random changes, consumers of every kind,
 * stops, kills and changed options (consumers/run.ts). Each seed is one consumer. OPERATIONS=2000000 runs more seeds.
 * SEED repeats one of them, as far as races allow, with its own OPERATIONS.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planOf, shownPlan } from './consumers/plan.js';
import { Run } from './consumers/run.js';

const { SEED, OPERATIONS } = process.env;
const PER_SEED = SEED === undefined ? 2_500 : Number(OPERATIONS ?? 2_500);
const SEEDS = SEED === undefined ? Math.ceil(Number(OPERATIONS ?? 100_000) / PER_SEED) : 1;
const FIRST = Number(SEED ?? Date.now() % 2 ** 31);
/** Most of the time they wait for debounce windows. */
const AT_ONCE = 4;

describe(`a copy by events alone, ${SEEDS} seeds from SEED=${FIRST}`, { concurrency: AT_ONCE }, () => {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const plan = planOf(seed);
    it(shownPlan(plan), async (t) => {
      const { faults, ...outcome } = await new Run(plan, { operations: PER_SEED, goesOn: false }).run();
      t.diagnostic(JSON.stringify(outcome));
      if (faults[0] !== undefined) assert.fail(faults[0].report);
    });
  }
});
