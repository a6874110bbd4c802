/** Plays that found a fault once, in whose file in the warehouse is whose. */
import type { Sequence } from './sequence.js';
import type { Step } from './verb.js';

type Feeds = Sequence['plan']['feeds'];

const step = (verb: string, feed: 0 | 1, more: Partial<Step> = {}): Step => ({
  ...{ verb, a: 100 * feed, b: 0, c: 2, runs: true },
  clock: 'minute',
  ...more,
});
const play = (seed: string, feeds: Feeds, steps: Step[], ground: string): Sequence => ({
  plan: { seed, ground, straight: true, sidecars: false, chain: true, feeds, hour: 12 },
  steps,
});

export const onceFound = (ground: string): Sequence[] => [
  play(
    'the same bytes in two warehouses',
    'two warehouses',
    [step('drop', 0), step('drop', 1), step('withdraw', 0), step('withdraw', 1)],
    ground,
  ),
  play(
    'a rebuild gives rows another order',
    'one warehouse',
    [step('the same elsewhere', 1), step('lose', 0), step('withdraw', 1), step('withdraw', 0)],
    ground,
  ),
  play(
    'the record of the line that stands is pruned',
    'one warehouse',
    [step('the same elsewhere', 0, { b: 1 }), step('withdraw, then prune', 0)],
    ground,
  ),
  play(
    'the output of a pruned record is gone',
    'two warehouses',
    [step('drop', 0), step('resume', 0, { clock: 'hour' }), step('prune', 0), step('take', 0, { b: 2 })],
    ground,
  ),
  play(
    'an output of a withdrawn line comes back',
    'two warehouses',
    [step('drop', 0), step('take', 0, { b: 2 }), step('withdraw', 0), step('put back', 0)],
    ground,
  ),
];
