/** Rounds on whole processes, drawn by the seed: their calls are in another order each time. */
import { dice } from './dice.js';
import { nameOf, type Planned } from './plan.js';

const ROUNDS = 240;
/** About what a run makes; beyond that, nothing is hit. */
const CALLS = 1_000;

export function processRounds(seed: string): Planned[] {
  const below = dice(`${seed} processes`);
  return Array.from({ length: ROUNDS }, (): Planned => {
    const fault = { kind: below(2) === 0 ? ('kill before' as const) : ('kill after' as const), at: 1 + below(CALLS) };
    return { part: 'processes', name: nameOf([fault]), faults: [fault] };
  });
}
