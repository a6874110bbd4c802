/**
 * Reads all hosts at once: the last figures of each, and what is wrong between them.
 * Does not: count all contents of a host. The number of rows read is bounded by hosts, conflicts and held contents.
 */
import { HELD_SINCE } from './ask.js';
import type { Rows } from './connection.js';
import type { Figures } from './hosts.js';

export interface HostView {
  name: string;
  /** Ms since its last sign of life. */
  silentMs: number;
  isForgotten: boolean;
  figures: Figures | null;
  /** Ms since it sent them. */
  figuresMs: number | null;
}

/** Contents that a host carries while their file has been held there for longer than `HELD_LONG_MS`. */
export interface HeldView {
  name: string;
  code: string;
  contents: number;
  oldestMs: number;
}

export interface FleetView {
  hosts: HostView[];
  held: HeldView[];
  /** Contents that two hosts have stored since they share a ledger, counted up to `CONFLICTS_COUNTED`. */
  conflicts: number;
}

export const HELD_LONG_MS = 3_600_000;
export const CONFLICTS_COUNTED = 10_000;

const HOSTS = `
SELECT name, (extract(epoch FROM now() - seen_at) * 1000)::float8 AS "silentMs", forgotten_at IS NOT NULL AS "isForgotten",
       figures, (extract(epoch FROM now() - figures_at) * 1000)::float8 AS "figuresMs"
  FROM hosts ORDER BY name`;

const HELD = `
SELECT h.name, c.held AS code, count(*)::int AS contents, (extract(epoch FROM now() - min(c.held_at)) * 1000)::float8 AS "oldestMs"
  FROM contents c JOIN hosts h ON h.id = c.host
 WHERE c.state = 'carried' AND c.held IS NOT NULL AND c.held_at < now() - $1 * interval '1 millisecond'
 GROUP BY h.name, c.held ORDER BY h.name, c.held`;

/** Errors: SharedError. */
export async function fleetView(shared: Rows): Promise<FleetView> {
  const hosts = await shared.rows<HostView>(HOSTS);
  const held = await shared.rows<HeldView>(HELD, [HELD_LONG_MS]);
  const [row] = await shared.rows<{ conflicts: number }>(
    `SELECT count(*)::int AS conflicts FROM (SELECT 1 FROM conflicts WHERE NOT before_join LIMIT ${CONFLICTS_COUNTED}) AS counted`,
  );
  return { hosts, held, conflicts: row!.conflicts };
}

/** The row of one content in the shared ledger, for one feed and generation. */
export interface WhereView {
  feed: string;
  generation: number;
  host: string;
  state: 'carried' | 'stored';
  /** A path below that host's warehouse. */
  target: Buffer | null;
  /** Why the file is held there. */
  held: string | null;
  heldSince: string | null;
}

/** Errors: SharedError. */
export const whereIs = (shared: Rows, sha256: Buffer): Promise<WhereView[]> => shared.rows<WhereView>(WHERE, [sha256]);

const WHERE = `
SELECT c.feed, c.generation, h.name AS host, c.state, c.target, c.held, ${HELD_SINCE} AS "heldSince"
  FROM contents c JOIN hosts h ON h.id = c.host WHERE c.sha256 = $1 ORDER BY c.feed, c.generation`;
