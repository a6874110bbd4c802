/**
 * The tables of the shared ledger, for PostgreSQL 15 and newer: plain SQL, no triggers, no LISTEN.
 * The primary key of `contents` decides which host has a content. Names are bytes. All times are from the database's clock.
 * Guarantees: two hosts may create the tables at the same time. A later version only adds to them.
 */
import type { Rows } from './connection.js';
import { SharedError } from './errors.js';

/** The version of the tables. A client older than `oldest_client` must not use them. */
export const SCHEMA_VERSION = 1;

const TABLES = [
  `CREATE TABLE IF NOT EXISTS hosts (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE,
    -- the location of its state: machine, boot and file
    place text NOT NULL,
    -- raised when the host goes on at another location; a process with an older one has been replaced
    incarnation bigint NOT NULL,
    -- the number of the last outbox entry that it sent; only grows
    counter bigint NOT NULL DEFAULT 0,
    seen_at timestamptz NOT NULL,
    -- when an operator declared it gone for ever; null again when it rejoins
    forgotten_at timestamptz,
    -- the figures of its queue that it sent last
    figures jsonb,
    figures_at timestamptz
  )`,
  `CREATE TABLE IF NOT EXISTS contents (
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    feed text NOT NULL,
    generation integer NOT NULL,
    host uuid NOT NULL REFERENCES hosts (id),
    -- the job that asked, and the claim by which that host's ledger knows the answer
    job text NOT NULL,
    claim uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('carried', 'stored')),
    -- why the carrier is held
    held text,
    held_at timestamptz,
    ingest_id text,
    -- a path below the host's warehouse
    target bytea,
    size bigint NOT NULL,
    carried_at timestamptz NOT NULL,
    stored_at timestamptz,
    PRIMARY KEY (sha256, feed, generation)
  )`,
  `CREATE INDEX IF NOT EXISTS contents_carried ON contents (host) WHERE state = 'carried'`,
  // A row permits that generation of a content.
  `CREATE TABLE IF NOT EXISTS permissions (
    sha256 bytea NOT NULL,
    feed text NOT NULL,
    generation integer NOT NULL,
    PRIMARY KEY (sha256, feed, generation)
  )`,
  // Contents that a host has stored although another host has them in \`contents\`. An operator withdraws one of the two.
  `CREATE TABLE IF NOT EXISTS conflicts (
    sha256 bytea NOT NULL,
    feed text NOT NULL,
    generation integer NOT NULL,
    host uuid NOT NULL REFERENCES hosts (id),
    ingest_id text,
    target bytea,
    reported_at timestamptz NOT NULL,
    -- both hosts stored it before they shared a ledger: nothing is wrong
    before_join boolean NOT NULL,
    PRIMARY KEY (sha256, feed, generation, host)
  )`,
  `CREATE TABLE IF NOT EXISTS schema_version (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    version integer NOT NULL,
    oldest_client integer NOT NULL
  )`,
  `INSERT INTO schema_version (version, oldest_client) VALUES (${SCHEMA_VERSION}, 1) ON CONFLICT DO NOTHING`,
];

/** The most collisions in the catalogue of two hosts that create the tables at the same time. */
const TRIES = 20;

export async function makeTables(shared: Rows): Promise<void> {
  for (const statement of TABLES)
    for (let left = TRIES; ; left--) {
      try {
        await shared.rows(statement);
        break;
      } catch (error) {
        // IF NOT EXISTS checks first and creates then, so the second host violates a key of the catalogue.
        if (!(error instanceof SharedError && ['23505', '42710', '42P07'].includes(error.code)) || left === 0)
          throw error;
      }
    }
}

/** Returns whether the tables exist. */
export async function hasTables(shared: Rows): Promise<boolean> {
  const [row] = await shared.rows<{ there: boolean }>("SELECT to_regclass('schema_version') IS NOT NULL AS there");
  return row!.there;
}

/** Errors: SharedError if there are no tables, or if this version must not use them. */
export async function checkSchema(shared: Rows): Promise<void> {
  const found = await shared.rows<{ version: number; oldest_client: number }>(
    'SELECT version, oldest_client FROM schema_version',
  );
  const oldest = found[0]?.oldest_client ?? 0;
  if (oldest <= SCHEMA_VERSION) return;
  throw new SharedError(
    'place',
    'schema_too_new',
    `the shared ledger needs clients of version ${oldest} or newer, and this one has ${SCHEMA_VERSION}: install the newer ingestor on this host`,
  );
}
