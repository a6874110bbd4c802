/** The hosts of the shared ledger: who they are, where their states are, and when they were seen. */
import type { Rows } from './database.js';
import { fenced, NOW_MICROS, type Sender, type Statement } from './statements.js';

export interface HostRow {
  id: string;
  name: string;
  /** Null: it was forgotten. */
  place: string | null;
  revision: number;
  seq: number;
  /** Ms since it was seen. */
  silentMs: number;
}

const COLUMNS = `id, name, place, revision::float8 AS revision, seq::float8 AS seq,
  (extract(epoch FROM now() - seen_at) * 1000)::float8 AS "silentMs"`;

type MaybeHost = Promise<HostRow | undefined>;
const hostIn = async (shared: Rows, statement: string, values: readonly unknown[]): MaybeHost =>
  (await shared.rows<HostRow>(statement, values))[0];

export const hostOfId = (shared: Rows, id: string): MaybeHost =>
  hostIn(shared, `SELECT ${COLUMNS} FROM hosts WHERE id = $1`, [id]);

export const hostOfName = (shared: Rows, name: string): MaybeHost =>
  hostIn(shared, `SELECT ${COLUMNS} FROM hosts WHERE name = $1`, [name]);

const ENTER = `
  UPDATE hosts SET place = $2, seen_at = now(), revision = greatest(revision + 1, $3::bigint + 1, ${NOW_MICROS}),
         seq = greatest(seq, $4)
   WHERE id = $1 AND place IS NOT DISTINCT FROM $5 AND revision = $6 AND seq = $7 RETURNING ${COLUMNS}`;

/**
 * Gives the host this place, if its row is still as it was `found`; its revision rises above the one that its state knows. Undefined
 * where it is not.
 */
export const enter = (shared: Rows, { id, place, revision, seq }: HostRow, me: Sender): MaybeHost =>
  hostIn(shared, ENTER, [id, me.place, me.revision, me.seq, place, revision, seq]);

const ENTER_NEW = `
  INSERT INTO hosts (id, name, place, revision, seq, seen_at) VALUES ($1, $2, $3, ${NOW_MICROS}, $4, now())
  ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`;

/** A host that PostgreSQL does not know yet. Undefined where it knows one of that id or name by now. */
export const enterNew = (shared: Rows, { id, place, seq }: Sender, name: string): MaybeHost =>
  hostIn(shared, ENTER_NEW, [id, name, place, seq]);

/** A host with a younger sign of life may be alive on the other side of a cut network. */
export const FORGET_AFTER_MS = 3_600_000;

/** Clears the place of a host that was silent for an hour: who asks takes what it carries. False where it was not silent. */
export async function forgetHost(shared: Rows, name: string): Promise<boolean> {
  const rows = await shared.rows(
    `UPDATE hosts SET place = NULL, revision = greatest(revision + 1, ${NOW_MICROS})
      WHERE name = $1 AND (place IS NULL OR seen_at < now() - $2 * interval '1 millisecond') RETURNING 1`,
    [name, FORGET_AFTER_MS],
  );
  return rows.length > 0;
}

/** The figures of a host's queue. */
export interface Figures {
  /** Files on the way, without held ones. */
  waiting: number;
  held: number;
  /** Age of the oldest file on the way. */
  oldest_seconds: number;
  /** Since the state was created. */
  files_processed: number;
  gates_closed: number;
  /** Contents whose end was not told yet. */
  untold: number;
  /** It runs with --once: it is not there between two runs. */
  once: boolean;
}

/** A sign of life with figures. */
export const beat = (figures: Figures): Statement<never> =>
  fenced('its AS (SELECT 1 WHERE false)', [JSON.stringify(figures)], ', figures = $5');

export interface HostView extends HostRow {
  figures: Figures | null;
  /** Contents that it stored, and another host too. */
  conflicts: number;
  /** The part of these that was stored before it joined. */
  beforeJoin: number;
}

/** All hosts, by name. */
export const hostsView = (shared: Rows): Promise<HostView[]> =>
  shared.rows<HostView>(
    `SELECT ${COLUMNS}, figures, coalesce(o.conflicts, 0)::int AS conflicts, coalesce(o.before_join, 0)::int AS "beforeJoin"
       FROM hosts LEFT JOIN (SELECT host, count(*) AS conflicts, count(*) FILTER (WHERE before_join) AS before_join
                               FROM conflicts GROUP BY host) o ON o.host = hosts.id ORDER BY name`,
  );
