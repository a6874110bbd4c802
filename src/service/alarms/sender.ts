/**
 * Decides which process of a state sends its alarms: one, as long as it lives.
 * Guarantees: no process takes over from a living one, even if that is stopped by a signal; its parent kills it in that case.
 */
import type { Backend, OwnerId, Tx } from '../../../queue/backend.js';

interface SenderRow {
  owner: OwnerId;
  firstLookMs: number;
}

const CURRENT = 'SELECT owner, first_look_ms AS firstLookMs FROM alarm_teller';

/** Undefined while another living process is the sender. `isFirst`: no process was ever the sender. */
export async function becomeSender(backend: Backend): Promise<{ isFirst: boolean } | undefined> {
  const who = backend.read((rows) => rows.get<SenderRow>(CURRENT)!);
  if (who.owner !== backend.owner) {
    if (backend.isAlive(who.owner)) return undefined;
    const taken = await backend.transact(
      (tx) => tx.run('UPDATE alarm_teller SET owner = ? WHERE owner = ?', backend.owner, who.owner).changes > 0,
    );
    if (!taken) return undefined;
  }
  return { isFirst: who.firstLookMs === 0 };
}

export const sendsAlarms = (tx: Tx, owner: OwnerId): boolean => tx.get<SenderRow>(CURRENT)!.owner === owner;

export const noteFirstLook = (backend: Backend): Promise<unknown> =>
  backend.transact((tx) => tx.run('UPDATE alarm_teller SET first_look_ms = ? WHERE first_look_ms = 0', tx.wallMs));

/** A number is never given twice, also when all rows of earlier ones are gone. */
export const nextChange = (tx: Tx): number =>
  tx.get<{ changes: number }>('UPDATE alarm_teller SET changes = changes + 1 RETURNING changes')!.changes;
