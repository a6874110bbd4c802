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

/** Makes a host known, or gives it another name. Errors: SharedError `23505`, where the name is another host's. */
export async function joinHost(shared: Rows, { id, name, place }: HostRow): Promise<void> {
  await shared.rows(
    `INSERT INTO hosts (id, name, place, incarnation, seen_at) VALUES ($1, $2, $3, 1, now())
     ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name`,
    [id, name, place],
  );
}

/** The id of a host. Errors: SharedError `host_name_unknown`. */
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

/** A host says that it lives every so often; one that was silent for `SILENT_MS` while it was watched may be replaced. */
export const BEAT_MS = 10_000;
export const SILENT_MS = 30_000;

interface Seen {
  place: string;
  incarnation: string;
  counter: string;
  /** Text of a moment, to be compared alone. */
  seen: string;
  isForgotten: boolean;
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
  // Another process of this place was quicker, or the host lives: the next call sees which.
  if (!raised) return enterHost(shared, { id, place }, known, { watch });
  return { incarnation: BigInt(raised.incarnation), counter: Number(now.counter) };
}

/** The queue of a host, as it says every ten seconds. */
export interface Figures {
  /** Files that are on their way, without those that are held. */
  waiting: number;
  held: number;
  /** Age of the oldest of them. */
  oldest_seconds: number;
  files_per_second: number;
  /** Since its state was made. */
  files_processed: number;
  /** That are closed. */
  gates: number;
}

/** Says that this host lives, and how its queue is. Errors: SharedError `host_id_taken`. */
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

/** A host whose last sign of life is younger may be alive, behind a network that is cut. */
export const FORGET_AFTER_MS = 3_600_000;

/**
 * A host is gone for ever: nothing is answered to it any more. Answers how many contents it carried, which are free again; it may have
 * stored some of them all the same. Can be done again. Errors: SharedError `host_lives`.
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
  const rule = `only a host that was silent for ${FORGET_AFTER_MS / 1_000} s can be forgotten, since it may be at work behind a network that is cut`;
  return new SharedError('place', 'host_lives', `${said}: ${rule}. Stop it first, and wait`);
}

/** It is back. Only after its state cannot begin anything before it has compared itself with the others. */
export const rememberHost = (shared: Rows, id: string): Promise<unknown> =>
  shared.rows('UPDATE hosts SET forgotten_at = NULL WHERE id = $1', [id]);

const forgotten = (shared: Rows, id: string): SharedError =>
  new SharedError(
    'place',
    'host_forgotten',
    `the shared ledger ${shared.where} was told that this host (${id}) is gone for ever, and what it carried was given to the others: run ingest-ctl host rejoin`,
  );

export const taken = (shared: Rows, id: string, why: string): SharedError =>
  new SharedError(
    'place',
    'host_id_taken',
    `the shared ledger ${shared.where} has this host (${id}) in use: ${why}. Is this state a copy? Then run ingest-ctl host renew here; if it is the one that counts, ingest-ctl host adopt`,
  );
