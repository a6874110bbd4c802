/**
 * The gate of `hash` that is closed while all pages of the state are checked: they decide whether a content is new. It closes at
 * the first start after an unclean end, and stays closed, through any crash, until a check has found nothing wrong.
 */
import type { Gate, Tx } from '../../../queue/backend.js';

export const UNCHECKED = 'state_unchecked';

/** The gate holds for every feed. `ingest/upkeep/state-check.ts` opens it. */
const GATE = { feed: '*', stage: 'hash', cause: 'place', place: 'state' } as const;

export const closeUntilChecked = (tx: Tx): boolean =>
  tx.closeGate({
    ...GATE,
    code: UNCHECKED,
    reason: 'the state was not closed cleanly, so all of its pages are checked before a content counts as new',
  });

export const openChecked = (tx: Tx): boolean => tx.openGate(GATE);

export const uncheckedOf = (gates: readonly Gate[]): Gate | undefined => gates.find(({ code }) => code === UNCHECKED);
