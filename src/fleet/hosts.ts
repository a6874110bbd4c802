/**
 * Who a host is to the others: the id of its state, and the place where that state lies: machine, boot and file.
 * Guarantees: of two places under one id only the one that entered last can ask; the other one is told so. All processes of a state are
 * at one place, and none of them replaces another.
 */
import type { Rows } from './connection.js';
import { SharedError } from './errors.js';

export interface HostRow {
  /** A UUID. */
  id: string;
  name: string;
  place: string;
}

/** Makes a host known. Errors: SharedError `row`, where the name is another host's. */
export async function joinHost(shared: Rows, { id, name, place }: HostRow): Promise<void> {
  await shared.rows(
    `INSERT INTO hosts (id, name, place, incarnation, seen_at) VALUES ($1, $2, $3, 1, now())
     ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name`,
    [id, name, place],
  );
}

/** A host says that it lives every so often; one that was silent for `SILENT_MS` while it was watched may be replaced. */
export const BEAT_MS = 10_000;
export const SILENT_MS = 30_000;

interface Seen {
  place: string;
  incarnation: string;
  counter: string;
  /** Text of a moment, to be compared alone. */
  seen: string;
}

/** Since when a host that was last at another place is watched, and its last sign of life then. */
export interface Watch {
  seen: string;
  /** Ms of a clock that only goes on. */
  sinceMs: number;
}

export interface EnteredHost {
  incarnation: bigint;
  /** How much of its outbox the shared ledger knows of. */
  counter: number;
}

/**
 * The part of this place in the shared ledger. `known`: the incarnation that its state knows, if it was there before; where another place had the host since, the
 * state is not the newest one of it. `watched`: of the call before; where the host was last at another place, it is asked again and again
 * for half a minute, since it may live there.
 * Errors: SharedError `host_unknown`, `host_id_taken`, `host_is_watched`.
 */
export async function enterHost(
  shared: Rows,
  { id, place }: Omit<HostRow, 'name'>,
  known: bigint | undefined,
  watched: { watch?: Watch | undefined },
): Promise<EnteredHost> {
  const now = await seen(shared, id);
  const incarnation = BigInt(now.incarnation);
  const isHere = now.place === place;
  if (known !== undefined && incarnation > known + (isHere ? 1n : 0n))
    throw taken(shared, id, 'it went on at another place since this state was written');
  if (isHere) return { incarnation, counter: Number(now.counter) };
  watched.watch ??= { seen: now.seen, sinceMs: performance.now() };
  const { watch } = watched;
  if (watch.seen !== now.seen) {
    watched.watch = undefined;
    throw taken(shared, id, `it lives at another place (${now.place})`);
  }
  if (performance.now() - watch.sinceMs < SILENT_MS)
    throw new SharedError(
      'unknown',
      'host_is_watched',
      `this host (${id}) was last at another place, and is watched for ${SILENT_MS / 1_000} s: does it live there?`,
    );
  const [raised] = await shared.rows<{ incarnation: string }>(
    `UPDATE hosts SET incarnation = incarnation + 1, place = $2, seen_at = now()
      WHERE id = $1 AND incarnation = $3 AND seen_at::text = $4 RETURNING incarnation`,
    [id, place, now.incarnation, now.seen],
  );
  // Another process of this place was quicker, or the host lives: the next call sees which.
  if (!raised) return enterHost(shared, { id, place }, known, { watch });
  return { incarnation: BigInt(raised.incarnation), counter: Number(now.counter) };
}

/** Says that this host lives. Errors: SharedError `host_id_taken`. */
export async function beat(shared: Rows, id: string, incarnation: bigint): Promise<void> {
  const mine = await shared.rows('UPDATE hosts SET seen_at = now() WHERE id = $1 AND incarnation = $2 RETURNING id', [
    id,
    incarnation,
  ]);
  if (mine.length === 0) throw taken(shared, id, 'it went on at another place');
}

async function seen(shared: Rows, id: string): Promise<Seen> {
  const [row] = await shared.rows<Seen>(
    'SELECT place, incarnation, counter, seen_at::text AS seen FROM hosts WHERE id = $1',
    [id],
  );
  if (row) return row;
  throw new SharedError(
    'place',
    'host_unknown',
    `the shared ledger ${shared.where} does not know this host (${id}): run ingest-ctl host join`,
  );
}

export const taken = (shared: Rows, id: string, why: string): SharedError =>
  new SharedError(
    'place',
    'host_id_taken',
    `the shared ledger ${shared.where} has this host (${id}) in use: ${why}. Is this state a copy? Then run ingest-ctl host renew on the copy`,
  );
