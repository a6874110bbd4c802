/**
 * Gates: what keeps a stage of a feed from running. There is a row for each cause; claims skip what any row closes.
 * Guarantees: closing a closed gate keeps its start time. Removing one cause never opens another. One living process
 * probes a failing place. A gate whose time is over closes nothing, whether or not a process lives that removes its row.
 */
import type { ClosedGate, Gate, GateName, OwnerId, Reader, StageName } from '../backend.js';
import type { SqliteTx } from './tx.js';

const ROWS = `SELECT feed, stage, cause, place, code, reason, since_ms AS sinceMs, probe_due_ms AS probeDueMs, prober,
  until_ms AS untilMs FROM gates`;
/** Only a place is probed. A pause or a watermark is opened by the one that closed it. */
const NEVER_MS = Number.MAX_SAFE_INTEGER;
const SAME = 'feed = ? AND stage = ? AND cause = ? AND place = ?';

/** By the wall clock, which goes on while nothing runs and over a restart of the machine. */
const ENDED = "coalesce(until_ms <= unixepoch('subsec') * 1000, 0)";

const nameOf = (gate: GateName) => [gate.feed, gate.stage, gate.cause, gate.place] as const;

export function closeGate(tx: SqliteTx, gate: ClosedGate): boolean {
  tx.run(`DELETE FROM gates WHERE ${SAME} AND ${ENDED}`, ...nameOf(gate));
  const old = tx.get<Gate>(`${ROWS} WHERE ${SAME}`, ...nameOf(gate));
  const { untilMs = null } = gate;
  if (!old) {
    const probeDueMs = gate.cause === 'place' ? tx.nowMs + (gate.probeInMs ?? 0) : NEVER_MS;
    tx.run(
      'INSERT INTO gates VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)',
      ...nameOf(gate),
      gate.code,
      gate.reason,
      gate.sinceMs ?? tx.wallMs,
      probeDueMs,
      untilMs,
    );
    return true;
  }
  if (old.code !== gate.code || old.reason !== gate.reason || old.untilMs !== untilMs) {
    tx.run(
      `UPDATE gates SET code = ?, reason = ?, until_ms = ? WHERE ${SAME}`,
      ...[gate.code, gate.reason, untilMs],
      ...nameOf(gate),
    );
  }
  return false;
}

export function openGate(tx: SqliteTx, gate: GateName): boolean {
  return tx.run(`DELETE FROM gates WHERE ${SAME}`, ...nameOf(gate)).changes > 0;
}

export const gates = (rows: Reader): Gate[] => gatesWhere(rows, `NOT ${ENDED}`);

export const endedGates = (rows: Reader): Gate[] => gatesWhere(rows, ENDED);

const gatesWhere = (rows: Reader, which: string): Gate[] =>
  rows.all<Gate>(`${ROWS} WHERE ${which} ORDER BY feed, stage, cause, place`);

/** Returns a test of whether a feed is closed for `stage` now. */
export function closedFor(rows: Reader, stage: StageName): (feed: string) => boolean {
  const feeds = rows
    .all<{ feed: string }>(`SELECT DISTINCT feed FROM gates WHERE stage IN (?, '*') AND NOT ${ENDED}`, stage)
    .map((row) => row.feed);
  if (feeds.includes('*')) return () => true;
  return (feed) => feeds.includes(feed);
}

/** False if it is not due, as below. */
export function takeProbe(tx: SqliteTx, gate: GateName, owner: OwnerId, isAlive: (owner: OwnerId) => boolean): boolean {
  if (!probeIsDue(tx, gate, tx.nowMs, owner, isAlive)) return false;
  tx.run(`UPDATE gates SET prober = ? WHERE ${SAME}`, owner, ...nameOf(gate));
  return true;
}

export function putBackProbe(tx: SqliteTx, gate: GateName, owner: OwnerId, inMs: number): void {
  tx.run(
    `UPDATE gates SET prober = NULL, probe_due_ms = ? WHERE ${SAME} AND prober = ?`,
    tx.nowMs + inMs,
    ...nameOf(gate),
    owner,
  );
}

/**
 * False if the probe is not due, the gate is open, or another living owner is probing. An owner makes one probe after the other, so
 * one that it has already is left from a moment in which the state could not be written.
 */
export function probeIsDue(
  rows: Reader,
  gate: GateName,
  nowMs: number,
  owner: OwnerId,
  isAlive: (owner: OwnerId) => boolean,
): boolean {
  const row = rows.get<Gate>(`${ROWS} WHERE ${SAME}`, ...nameOf(gate));
  if (!row || row.probeDueMs > nowMs) return false;
  return row.prober === null || row.prober === owner || !isAlive(row.prober);
}
