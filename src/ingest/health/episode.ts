/**
 * Joins the troubles of a place into one episode, although every stage that needs the place closes a gate of its own. An episode
 * is logged once when it begins and once when it ends.
 * A probe cannot try everything that a stage does (a partition may be a mount of its own). So a place that opens stays on trial for a
 * moment, as a gate of no stage. A gate that closes again within this time belongs to the same episode.
 */
import type { Gate, QueueView, StageName, Tx } from '../../../queue/backend.js';
import { type PlaceError, type PlaceKind, STUCK } from '../../files/place-error.js';

/** No stage has this name, so this gate stops nothing. */
export const ON_TRIAL = 'on trial';
export const PROBE_EVERY_MS = 2_000;
const TRIAL_MS = 3_000;

const ofPlace = (tx: Tx, feed: string, place: string): Gate[] =>
  tx.gates().filter((gate) => gate.cause === 'place' && gate.feed === feed && gate.place === place);

/** Returns true where an episode begins with this gate. */
export function closeForPlace(tx: Tx, feed: string, stage: StageName, { place, code, message }: PlaceError): boolean {
  const known = ofPlace(tx, feed, place);
  // The last probe was wrong, and another one now would be wrong too.
  const probeInMs = known.some((gate) => gate.stage === ON_TRIAL) ? PROBE_EVERY_MS : 0;
  tx.closeGate({ feed, stage, cause: 'place', place, code, reason: message, probeInMs });
  return known.length === 0;
}

/** Writes what the last probe of a place said into all of its gates. Returns true where that is another reason than before. */
export function reasonNow(tx: Tx, feed: string, { place, code, message: reason }: PlaceError): boolean {
  const other = ofPlace(tx, feed, place).filter(
    (gate) => gate.stage !== ON_TRIAL && (gate.code !== code || gate.reason !== reason),
  );
  for (const { stage } of other) tx.closeGate({ feed, stage, cause: 'place', place, code, reason });
  return other.length > 0;
}

/** A gate for this place is closed: it fails now. */
export const isShut = (view: Pick<QueueView, 'gates'>, feed: string, place: PlaceKind): boolean =>
  view.gates().some((gate) => gate.feed === feed && gate.place === place && gate.stage !== ON_TRIAL);

/** The feeds with a place that does not answer: a process that touched it would hang. */
export const stuckFeeds = (view: Pick<QueueView, 'gates'>): ReadonlySet<string> =>
  new Set(view.gates().flatMap(({ feed, code }) => (code === STUCK ? [feed] : [])));

/** Called after a probe that succeeded, or at the end of a trial. Returns true where the episode is over. */
export function openForPlace(tx: Tx, gate: Gate): boolean {
  if (!tx.openGate(gate)) return false;
  if (ofPlace(tx, gate.feed, gate.place).length > 0) return false;
  if (gate.stage === ON_TRIAL) return true;
  tx.closeGate({ ...gate, stage: ON_TRIAL, probeInMs: TRIAL_MS });
  return false;
}
