/**
 * Who a host is to the others: the id of its state, and the place where that state lies: machine, boot and file.
 * Guarantees: of two places under one id only the one that entered last can ask; the other one is told so. All processes of a state are
 * at one place, and none of them replaces another.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { SharedConnection } from './connection.js';
import { SharedError } from './errors.js';

export interface HostRow {
  /** A UUID. */
  id: string;
  name: string;
  place: string;
}

/** Makes a host known. Errors: SharedError `row`, where the name is another host's. */
export async function joinHost(shared: SharedConnection, { id, name, place }: HostRow): Promise<void> {
  await shared.rows(
    `INSERT INTO hosts (id, name, place, incarnation, seen_at) VALUES ($1, $2, $3, 1, now())
     ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name`,
    [id, name, place],
  );
}

interface Seen {
  place: string;
  incarnation: string;
  /** Text of a moment, to be compared alone. */
  seen: string;
}

/** A host says that it lives every so often; one that was silent for `SILENT_MS` while it was watched may be replaced. */
export const BEAT_MS = 10_000;
export const SILENT_MS = 30_000;
const LOOK_MS = 1_000;

/**
 * The incarnation under which this place may ask. `known`: the one that this state knows; where another place had it since, the state is
 * not the newest one of its host.
 * Waits for 30 seconds where the host was last at another place: that one may live. Errors: SharedError `host_unknown`, `host_id_taken`.
 */
export async function enterHost(
  shared: SharedConnection,
  { id, place }: Omit<HostRow, 'name'>,
  known: bigint,
  signal?: AbortSignal,
): Promise<bigint> {
  const first = await seen(shared, id);
  if (BigInt(first.incarnation) > known + (first.place === place ? 1n : 0n))
    throw taken(shared, id, 'it went on at another place since this state was written');
  if (first.place === place) return BigInt(first.incarnation);
  for (const until = performance.now() + SILENT_MS; performance.now() < until; ) {
    await pause(LOOK_MS, undefined, { signal });
    if ((await seen(shared, id)).seen !== first.seen)
      throw taken(shared, id, `it lives at another place (${first.place})`);
  }
  const raised = await shared.rows<{ incarnation: string }>(
    `UPDATE hosts SET incarnation = incarnation + 1, place = $2, seen_at = now()
      WHERE id = $1 AND incarnation = $3 AND seen_at::text = $4 RETURNING incarnation`,
    [id, place, first.incarnation, first.seen],
  );
  if (raised.length > 0) return BigInt(raised[0]!.incarnation);
  const now = await seen(shared, id);
  // Another process of this place was quicker, or the commit was done and its answer cut off.
  if (now.place === place) return BigInt(now.incarnation);
  throw taken(shared, id, `it went on at another place (${now.place})`);
}

/** Says that this host lives. Errors: SharedError `host_id_taken`. */
export async function beat(shared: SharedConnection, id: string, incarnation: bigint): Promise<void> {
  const mine = await shared.rows('UPDATE hosts SET seen_at = now() WHERE id = $1 AND incarnation = $2 RETURNING id', [
    id,
    incarnation,
  ]);
  if (mine.length === 0) throw taken(shared, id, 'it went on at another place');
}

async function seen(shared: SharedConnection, id: string): Promise<Seen> {
  const [row] = await shared.rows<Seen>('SELECT place, incarnation, seen_at::text AS seen FROM hosts WHERE id = $1', [
    id,
  ]);
  if (row) return row;
  throw new SharedError(
    'place',
    'host_unknown',
    `the shared ledger ${shared.where} does not know this host (${id}): run ingest-ctl host join`,
  );
}

export const taken = (shared: SharedConnection, id: string, why: string): SharedError =>
  new SharedError(
    'place',
    'host_id_taken',
    `the shared ledger ${shared.where} has this host (${id}) in use: ${why}. Is this state a copy? Then run ingest-ctl host renew on the copy`,
  );
