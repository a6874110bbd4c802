/**
 * Which process of a state tells its alarms: one, as long as it lives.
 * Guarantees: nobody takes over from a living one, also where that is stopped; its parent kills it then.
 */
import type { Backend, OwnerId, Tx } from '../../../queue/backend.js';

interface TellerRow {
  owner: OwnerId;
  firstLookMs: number;
}

const WHO = 'SELECT owner, first_look_ms AS firstLookMs FROM alarm_teller';

/** Undefined while another living process does it; `isFirst`: nobody has ever looked. */
export async function becomeTeller(backend: Backend): Promise<{ isFirst: boolean } | undefined> {
  const who = backend.read((rows) => rows.get<TellerRow>(WHO)!);
  if (who.owner !== backend.owner) {
    if (backend.isAlive(who.owner)) return undefined;
    const taken = await backend.transact(
      (tx) => tx.run('UPDATE alarm_teller SET owner = ? WHERE owner = ?', backend.owner, who.owner).changes > 0,
    );
    if (!taken) return undefined;
  }
  return { isFirst: who.firstLookMs === 0 };
}

export const tellsAlarms = (tx: Tx, owner: OwnerId): boolean => tx.get<TellerRow>(WHO)!.owner === owner;

export const noteFirstLook = (backend: Backend): Promise<unknown> =>
  backend.transact((tx) => tx.run('UPDATE alarm_teller SET first_look_ms = ? WHERE first_look_ms = 0', tx.wallMs));

/** Never given twice, also when all rows of earlier ones are gone. */
export const nextChange = (tx: Tx): number =>
  tx.get<{ changes: number }>('UPDATE alarm_teller SET changes = changes + 1 RETURNING changes')!.changes;
