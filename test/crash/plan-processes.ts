/** Rounds on whole processes, drawn by the seed: their calls are in another order each time. */
import { dice } from './dice.js';
import { nameOf, type Planned } from './plan.js';

const ROUNDS = 240;
/** About the number of calls of a run; a later call is never reached. */
const CALLS = 1_000;

export function processRounds(seed: string): Planned[] {
  const below = dice(`${seed} processes`);
  const rounds = new Map<string, Planned>();
  while (rounds.size < ROUNDS) {
    const fault = { kind: below(2) === 0 ? ('kill before' as const) : ('kill after' as const), at: 1 + below(CALLS) };
    const name = nameOf([fault]);
    rounds.set(name, { part: 'processes', name, faults: [fault] });
  }
  return [...rounds.values()];
}
