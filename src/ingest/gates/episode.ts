/**
 * One trouble of a place is one episode, told once when it begins and once when it is over, although every stage that
 * meets it closes a gate of its own.
 * A probe cannot try all that a stage does (a partition may be a mount of its own): what it opens stays on trial for a
 * moment, as a gate of no stage, and what closes again within it belongs to the same episode.
 */
import type { Gate, StageName, Tx } from '../../../queue/backend.js';
import type { PlaceError } from '../../files/place-error.js';

/** No stage has this name, so nothing is kept from running by it. */
export const ON_TRIAL = 'on trial';
export const PROBE_EVERY_MS = 2_000;
const TRIAL_MS = 3_000;

const OF_PLACE = "feed = ? AND cause = 'place' AND place = ?";

/** Answers whether an episode begins with it. */
export function closeForPlace(tx: Tx, feed: string, stage: StageName, { place, code, message }: PlaceError): boolean {
  const known = tx.all<{ stage: StageName }>(`SELECT stage FROM gates WHERE ${OF_PLACE}`, feed, place);
  const isNew = tx.closeGate({ feed, stage, cause: 'place', place, code, reason: message });
  // The last probe was wrong: another one at once would be too.
  if (isNew && known.some((gate) => gate.stage === ON_TRIAL)) probeIn(tx, { feed, stage, place }, PROBE_EVERY_MS);
  return known.length === 0;
}

/** The code of a place in which a process hung; the kernel has no errno for it. */
export const STUCK = 'stuck';

/** After a probe that succeeded, or at the end of a trial. Answers whether the episode is over. */
export function openForPlace(tx: Tx, gate: Gate): boolean {
  if (!tx.openGate(gate)) return false;
  const { feed, place } = gate;
  if (tx.get(`SELECT 1 FROM gates WHERE ${OF_PLACE}`, feed, place)) return false;
  if (gate.stage === ON_TRIAL) return true;
  tx.closeGate({ ...gate, stage: ON_TRIAL });
  tx.run(`UPDATE gates SET since_ms = ? WHERE stage = ? AND ${OF_PLACE}`, gate.sinceMs, ON_TRIAL, feed, place);
  probeIn(tx, { feed, stage: ON_TRIAL, place }, TRIAL_MS);
  return false;
}

function probeIn(tx: Tx, { feed, stage, place }: Pick<Gate, 'feed' | 'stage' | 'place'>, ms: number): void {
  tx.run(`UPDATE gates SET probe_due_ms = ? WHERE stage = ? AND ${OF_PLACE}`, tx.nowMs + ms, stage, feed, place);
}
