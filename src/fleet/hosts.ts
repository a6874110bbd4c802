/**
 * The identity of a host: the id of its state, and the location of that state: machine, boot and file.
 * Guarantees: if two locations use one id, only the one that entered last can ask, and the other one gets `host_id_taken`. All
 * processes of a state have the same location, and none of them replaces another.
 */
import type { Rows } from './connection.js';
import { SharedError } from './errors.js';

export interface HostRow {
  /** A UUID. */
  id: string;
  name: string;
  place: string;
}

/** Registers a host, or renames it. Errors: SharedError `23505` if another host has the name. */
export async function joinHost(shared: Rows, { id, name, place }: HostRow): Promise<void> {
  await shared.rows(
    `INSERT INTO hosts (id, name, place, incarnation, seen_at) VALUES ($1, $2, $3, 1, now())
     ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name`,
    [id, name, place],
  );
}

/** Returns the id of a host. Errors: SharedError `host_name_unknown`. */
export async function hostNamed(shared: Rows, name: string): Promise<string> {
  const hosts = await shared.rows<{ id: string; name: string }>('SELECT id, name FROM hosts ORDER BY name');
  const found = hosts.find((host) => host.name === name);
  if (found) return found.id;
  throw new SharedError(
    'place',
    'host_name_unknown',
    `the shared ledger ${shared.where} knows no host ${name}; it has ${hosts.map((host) => host.name).join(', ') || 'none'}`,
  );
}

/** A host sends a sign of life regularly. A host that is silent for `SILENT_MS` while it is watched may be replaced. */
export const BEAT_MS = 10_000;
export const SILENT_MS = 30_000;

interface Seen {
  place: string;
  incarnation: string;
  counter: string;
  /** A time as text; it is only compared. */
  seen: string;
  isForgotten: boolean;
}

/** When watching began for a host that was last at another location, and its last sign of life at that time. */
export interface Watch {
  seen: string;
  /** Ms of a monotonic clock. */
  sinceMs: number;
}

export interface EnteredHost {
  incarnation: bigint;
  /** The number of the last outbox entry that the shared ledger has. */
  counter: number;
}

/**
 * Enters this location in the shared ledger. `known`: the incarnation that its state knows from an earlier entry. If another
 * location has had the host since, the state is not the host's newest one. `watched`: the result of the call before. A host that
 * was last at another location may still live there, so the caller repeats this call for half a minute.
 * Errors: SharedError `host_unknown`, `host_forgotten`, `host_id_taken`, `host_is_watched`.
 */
export async function enterHost(
  shared: Rows,
  { id, place }: Omit<HostRow, 'name'>,
  known: bigint | undefined,
  watched: { watch?: Watch | undefined },
): Promise<EnteredHost> {
  const now = await seen(shared, id);
  const incarnation = BigInt(now.incarnation);
  if (now.isForgotten) throw forgotten(shared, id);
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
  // Another process of this location was quicker, or the host lives. The next call sees which.
  if (!raised) return enterHost(shared, { id, place }, known, { watch });
  return { incarnation: BigInt(raised.incarnation), counter: Number(now.counter) };
}

/** The figures of a host's queue, which it sends every ten seconds. */
export interface Figures {
  /** Files on the way, without held ones. */
  waiting: number;
  held: number;
  /** Age of the oldest file on the way. */
  oldest_seconds: number;
  files_per_second: number;
  /** Since the state was created. */
  files_processed: number;
  /** The closed gates. */
  gates: number;
}

/** Sends a sign of life and the figures of the queue. Errors: SharedError `host_id_taken`. */
export async function beat(shared: Rows, id: string, incarnation: bigint, figures?: Figures): Promise<void> {
  const mine = await shared.rows(
    `UPDATE hosts SET seen_at = now(), figures = coalesce($3, figures), figures_at = CASE WHEN $3 IS NULL THEN figures_at ELSE now() END
      WHERE id = $1 AND incarnation = $2 RETURNING id`,
    [id, incarnation, figures ? JSON.stringify(figures) : null],
  );
  if (mine.length === 0) throw taken(shared, id, 'it went on at another place');
}

async function seen(shared: Rows, id: string): Promise<Seen> {
  const [row] = await shared.rows<Seen>(
    `SELECT place, incarnation, counter, seen_at::text AS seen, forgotten_at IS NOT NULL AS "isForgotten" FROM hosts WHERE id = $1`,
    [id],
  );
  if (row) return row;
  throw new SharedError(
    'place',
    'host_unknown',
    `the shared ledger ${shared.where} does not know this host (${id}): run ingest-ctl host join`,
  );
}

/** A host with a younger sign of life may be alive on the other side of a cut network. */
export const FORGET_AFTER_MS = 3_600_000;

/**
 * Marks a host as gone for ever: it gets no answer any more. Returns how many contents it carried. They are free again, although
 * the host may have stored some of them. Safe to repeat. Errors: SharedError `host_lives`.
 */
export async function forgetHost(shared: Rows, id: string): Promise<number> {
  const [gone] = await shared.rows<{ id: string }>(
    `UPDATE hosts SET incarnation = incarnation + 1, forgotten_at = now()
      WHERE id = $1 AND (forgotten_at IS NOT NULL OR seen_at < now() - $2 * interval '1 millisecond') RETURNING id`,
    [id, FORGET_AFTER_MS],
  );
  if (!gone) throw await lives(shared, id);
  for (let freed = 0; ; ) {
    const page = await shared.rows(
      `DELETE FROM contents WHERE (sha256, feed, generation) IN (
         SELECT sha256, feed, generation FROM contents WHERE host = $1 AND state = 'carried' LIMIT 10000) RETURNING 1`,
      [id],
    );
    if (page.length === 0) return freed;
    freed += page.length;
  }
}

async function lives(shared: Rows, id: string): Promise<SharedError> {
  const [host] = await shared.rows<{ name: string; agoMs: number }>(
    'SELECT name, (extract(epoch FROM now() - seen_at) * 1000)::float8 AS "agoMs" FROM hosts WHERE id = $1',
    [id],
  );
  const said = `the last sign of life of host ${host?.name} is ${Math.round((host?.agoMs ?? 0) / 1_000)} s old`;
  const rule = `only a host that was silent for ${FORGET_AFTER_MS / 1_000} s can be forgotten, since it may still work on the other side of a cut network`;
  return new SharedError('place', 'host_lives', `${said}: ${rule}. Stop it first, and wait`);
}

/** The host is back. Call this only when its state cannot begin anything before it was compared with the shared ledger. */
export const rememberHost = (shared: Rows, id: string): Promise<unknown> =>
  shared.rows('UPDATE hosts SET forgotten_at = NULL WHERE id = $1', [id]);

const forgotten = (shared: Rows, id: string): SharedError =>
  new SharedError(
    'place',
    'host_forgotten',
    `the shared ledger ${shared.where} has this host (${id}) as gone for ever, and its contents were given to the other hosts: run ingest-ctl host rejoin`,
  );

export const taken = (shared: Rows, id: string, why: string): SharedError =>
  new SharedError(
    'place',
    'host_id_taken',
    `the shared ledger ${shared.where} has this host (${id}) in use: ${why}. Is this state a copy? Then run ingest-ctl host renew here; if it is the one that counts, ingest-ctl host adopt`,
  );
