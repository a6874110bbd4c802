/**
 * The states of a job and every transition between them, in one place. The CHECK constraints of the schema repeat this
 * table (a test compares the two), and queue/README.md draws it.
 * Does not: write anything. The verbs do, after they call `assertTransition`.
 */
import assert from 'node:assert/strict';

export const STATES = ['ready', 'claimed', 'waiting', 'held', 'done'] as const;
export type State = (typeof STATES)[number];

/** Each transition with the states it connects. `drop` and `finish` end a job; the others keep its row alive. */
export const TRANSITIONS = {
  claim: { from: ['ready'], to: 'claimed' },
  advance: { from: ['claimed'], to: 'ready' },
  back: { from: ['claimed'], to: 'ready' },
  // The same owner continues with it in the next stage.
  keep: { from: ['claimed'], to: 'claimed' },
  defer: { from: ['claimed'], to: 'ready' },
  retry: { from: ['claimed'], to: 'ready' },
  rescue: { from: ['claimed'], to: 'ready' },
  wait: { from: ['claimed'], to: 'waiting' },
  // An operator may change the code of a held job, or end it.
  hold: { from: ['claimed', 'held'], to: 'held' },
  finish: { from: ['claimed', 'held'], to: 'done' },
  drop: { from: ['claimed', 'held'], to: 'done' },
  wake: { from: ['waiting'], to: 'ready' },
  nudge: { from: ['ready'], to: 'ready' },
  reopen: { from: ['held'], to: 'ready' },
  // A file was found that names a job which had ended.
  adopt: { from: ['done'], to: 'ready' },
} as const satisfies Record<string, { from: readonly State[]; to: State }>;

export type Transition = keyof typeof TRANSITIONS;

/** Throws (a bug) if `transition` is not allowed from `from`; returns the new state. */
export function assertTransition(transition: Transition, from: State): State {
  const rule: { from: readonly State[]; to: State } = TRANSITIONS[transition];
  assert(rule.from.includes(from), `a job in state ${from} cannot ${transition}`);
  return rule.to;
}
