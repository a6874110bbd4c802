/**
 * The gate of `hash` while the pages of the state are read: whether a content is new is asked of them. It is closed at the
 * first start after an end that was not clean, and stays closed through any crash until a check has found nothing.
 */
import type { Gate, Tx } from '../../../queue/backend.js';

export const UNCHECKED = 'state_unchecked';

/** The gate is for every feed. `ingest/upkeep/state-check.ts` probes it. */
const GATE = { feed: '*', stage: 'hash', cause: 'place', place: 'state' } as const;

export const closeUntilChecked = (tx: Tx): boolean =>
  tx.closeGate({
    ...GATE,
    code: UNCHECKED,
    reason:
      'the state was not closed as it is at a clean end, so all of its pages are read before a content is called new',
  });

export const openChecked = (tx: Tx): boolean => tx.openGate(GATE);

export const uncheckedOf = (gates: readonly Gate[]): Gate | undefined => gates.find(({ code }) => code === UNCHECKED);
