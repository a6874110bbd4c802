/** Plays that found a fault once: whose file in the warehouse is whose, and which content a path means. */
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
  {
    // The newest version of a path is a duplicate of a content that is pruned.
    plan: { seed: '794912677-270', ground, straight: true, sidecars: true, chain: false, feeds: 'one', hour: 23.6333 },
    steps: [
      step('drop', 0, { a: 281, b: 14, c: 262 }),
      step('drop', 0, { a: 211, b: 603, c: 470 }),
      step('the same elsewhere', 0, { a: 862, b: 477, c: 139 }),
      step('prune', 0, { a: 28, b: 787, c: 158, clock: 'back' }),
      step('withdraw', 0, { a: 244, b: 618, c: 687, runs: false }),
    ],
  },
];
