/**
 * Who a host is to the others: the id of its state, and which start of it is the one that may ask.
 * Guarantees: of two that enter under one id, only the one that entered last can ask; the other one is told so.
 */
import type { SharedConnection } from './connection.js';
import { SharedError } from './errors.js';

export interface HostRow {
  id: string;
  name: string;
  machine: string;
  boot: string;
}

/** Makes a host known. Errors: SharedError `row`, where the name is another host's. */
export async function joinHost(shared: SharedConnection, { id, name, machine, boot }: HostRow): Promise<void> {
  await shared.rows(
    `INSERT INTO hosts (id, name, machine, boot, incarnation, seen_at) VALUES ($1, $2, $3, $4, 0, now())
     ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name`,
    [id, name, machine, boot],
  );
}

/**
 * Raises the incarnation of a host from the one that its state knows. Answers the new one.
 * Errors: SharedError `host_unknown`, `host_id_taken`.
 */
export async function enterHost(
  shared: SharedConnection,
  { id, machine, boot }: Omit<HostRow, 'name'>,
  known: bigint,
): Promise<bigint> {
  const next = known + 1n;
  const raised = await shared.rows<{ incarnation: string }>(
    `UPDATE hosts SET incarnation = $3, machine = $4, boot = $5, seen_at = now()
      WHERE id = $1 AND incarnation = $2 RETURNING incarnation`,
    [id, known, next, machine, boot],
  );
  if (raised.length > 0) return next;
  const [found] = await shared.rows<{ incarnation: string; machine: string; boot: string }>(
    'SELECT incarnation, machine, boot FROM hosts WHERE id = $1',
    [id],
  );
  if (!found)
    throw new SharedError(
      'place',
      'host_unknown',
      `the shared ledger ${shared.where} does not know this host (${id}): run ingest-ctl host join`,
    );
  // The commit was done, and its answer cut off.
  if (BigInt(found.incarnation) === next && found.machine === machine && found.boot === boot) return next;
  throw new SharedError(
    'place',
    'host_id_taken',
    `the shared ledger ${shared.where} has seen ${found.incarnation} starts of this host (${id}), and its state knows of ${known}: the state is a copy of another one, or older than the last start`,
  );
}
