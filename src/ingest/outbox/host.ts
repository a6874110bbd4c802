/** The host that this state is in the shared ledger. */
import type { Reader, Tx } from '../../../queue/backend.js';
import { OUTBOX_TRIGGERS } from './schema.js';

export interface SharedHost {
  id: string;
  name: string;
  ledger: string;
  incarnation: bigint;
  joined: boolean;
  /** The number of the last outbox entry that was sent. */
  sent: number;
}

export function sharedHost(reader: Reader): SharedHost | undefined {
  const row = reader.get<Omit<SharedHost, 'incarnation' | 'joined'> & { incarnation: string; joined: number }>(
    'SELECT id, name, ledger, incarnation, joined, told AS sent FROM shared_host',
  );
  return row && { ...row, incarnation: BigInt(row.incarnation), joined: row.joined === 1 };
}

/** From this transaction on, every change is noted in the outbox. */
export function beginSharing(tx: Tx, { id, name, ledger, incarnation, joined }: Omit<SharedHost, 'sent'>): void {
  tx.run(
    `INSERT INTO shared_host VALUES (1, ?, ?, ?, ?, ?, 0) ON CONFLICT DO UPDATE
       SET id = excluded.id, name = excluded.name, ledger = excluded.ledger, incarnation = excluded.incarnation, joined = excluded.joined`,
    ...[id, name, ledger, String(incarnation), joined ? 1 : 0],
  );
  for (const trigger of OUTBOX_TRIGGERS) tx.run(trigger);
}

export const noteIncarnation = (tx: Tx, incarnation: bigint): void =>
  void tx.run(
    'UPDATE shared_host SET incarnation = ? WHERE incarnation <> ?',
    String(incarnation),
    String(incarnation),
  );
