/**
 * Reads the rows of a host in the shared ledger, for a comparison with its local ledger.
 * Does not: judge differences. Only the host knows what it has.
 */
import type { Rows } from './connection.js';
import { type Named, namesOf, type Released } from './send.js';

export type SharedState = 'carried' | 'stored';

/** A row of one host. */
export interface HostsRow extends Released {
  /** The job that asked for it. */
  job: string;
}

/** Returns a page of the host's rows in that state, in the order of the key, after `after`. */
export async function rowsOf(
  shared: Rows,
  host: string,
  state: SharedState,
  after: Named | undefined,
  max: number,
): Promise<HostsRow[]> {
  const { sha256, feed, generation } = after ?? { sha256: Buffer.alloc(0), feed: '', generation: 0 };
  // The state is part of the statement's text, so that the partial index for `carried` can be used.
  return shared.rows<HostsRow>(
    `SELECT sha256, feed, generation, claim, job FROM contents
      WHERE host = $1 AND state = '${state}' AND (sha256, feed, generation) > ($2, $3, $4)
      ORDER BY sha256, feed, generation LIMIT $5`,
    [host, sha256, feed, generation, max],
  );
}

/** A row as it is now, of any host. */
export interface OwnedRow extends Released {
  host: string;
  state: SharedState;
}

/** Returns the rows that exist for the named contents. */
export const ownersOf = (shared: Rows, named: readonly Named[]): Promise<OwnedRow[]> =>
  shared.rows<OwnedRow>(
    `SELECT c.sha256, c.feed, c.generation, c.claim, c.host, c.state
       FROM unnest($1::bytea[], $2::text[], $3::int[]) AS a (sha256, feed, generation)
       JOIN contents c ON c.sha256 = a.sha256 AND c.feed = a.feed AND c.generation = a.generation`,
    namesOf(named),
  );

/** Returns the named contents that this host has stored although the shared ledger gives them to another host. */
export const conflictsOf = (
  shared: Rows,
  host: string,
  named: readonly Named[],
): Promise<(Named & { beforeJoin: boolean })[]> =>
  shared.rows<Named & { beforeJoin: boolean }>(
    `SELECT o.sha256, o.feed, o.generation, o.before_join AS "beforeJoin"
       FROM unnest($2::bytea[], $3::text[], $4::int[]) AS a (sha256, feed, generation)
       JOIN conflicts o ON o.sha256 = a.sha256 AND o.feed = a.feed AND o.generation = a.generation AND o.host = $1`,
    [host, ...namesOf(named)],
  );

/** Deletes these rows of the host, carried or stored. Returns how many existed. */
export async function giveUpRows(shared: Rows, host: string, rows: readonly Released[]): Promise<number> {
  const gone = await shared.rows(
    `DELETE FROM contents c USING unnest($2::bytea[], $3::text[], $4::int[], $5::uuid[]) AS a (sha256, feed, generation, claim)
      WHERE c.sha256 = a.sha256 AND c.feed = a.feed AND c.generation = a.generation AND c.claim = a.claim AND c.host = $1
     RETURNING 1`,
    [host, ...namesOf(rows), rows.map(({ claim }) => claim)],
  );
  return gone.length;
}

/** Counting stops here. */
export const COUNTED_MAX = 1_000_000;

/** Counts the contents that other hosts have in a feed of that name. */
export async function othersInFeed(shared: Rows, host: string, feed: string): Promise<number> {
  const [row] = await shared.rows<{ contents: number }>(
    `SELECT count(*)::int AS contents FROM (SELECT 1 FROM contents WHERE feed = $1 AND host <> $2 LIMIT ${COUNTED_MAX}) AS counted`,
    [feed, host],
  );
  return row!.contents;
}

/** The newest generation of a content, and the host that has it. */
export interface Newest {
  generation: number;
  hostId: string;
  hostName: string;
  state: SharedState;
  held: string | null;
  target: Buffer | null;
}

export async function newestOf(shared: Rows, sha256: Buffer, feed: string): Promise<Newest | undefined> {
  const [row] = await shared.rows<Newest>(
    `SELECT c.generation, c.host AS "hostId", h.name AS "hostName", c.state, c.held, c.target
       FROM contents c JOIN hosts h ON h.id = c.host WHERE c.sha256 = $1 AND c.feed = $2 ORDER BY c.generation DESC LIMIT 1`,
    [sha256, feed],
  );
  return row;
}
