/**
 * The tables of the shared ledger, for PostgreSQL 15 and newer: plain SQL, no triggers, nothing that listens.
 * Which host has a content is what the primary key of `contents` says. Names are bytes. All times are the database's own.
 * Guarantees: two hosts that make the tables at once both find them made; a later version only adds.
 */
import type { Rows } from './connection.js';
import { SharedError } from './errors.js';

/** Of the tables. A client that is older than `oldest_client` must not use them. */
export const SCHEMA_VERSION = 1;

const TABLES = [
  `CREATE TABLE IF NOT EXISTS hosts (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE,
    -- where its state lies: machine, boot and file
    place text NOT NULL,
    -- raised when it goes on at another place; who asks under an older one has been replaced
    incarnation bigint NOT NULL,
    -- of what it told last: a number that only grows
    counter bigint NOT NULL DEFAULT 0,
    seen_at timestamptz NOT NULL,
    -- gone for ever, as a person said; until it comes back
    forgotten_at timestamptz,
    -- its queue as it said last
    figures jsonb,
    figures_at timestamptz
  )`,
  `CREATE TABLE IF NOT EXISTS contents (
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    feed text NOT NULL,
    generation integer NOT NULL,
    host uuid NOT NULL REFERENCES hosts (id),
    -- the job that asked, as its host names it, and what that host's ledger knows the answer by
    job text NOT NULL,
    claim uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('carried', 'stored')),
    -- why the file that carries it is held
    held text,
    held_at timestamptz,
    ingest_id text,
    -- below the host's warehouse
    target bytea,
    size bigint NOT NULL,
    carried_at timestamptz NOT NULL,
    stored_at timestamptz,
    PRIMARY KEY (sha256, feed, generation)
  )`,
  `CREATE INDEX IF NOT EXISTS contents_carried ON contents (host) WHERE state = 'carried'`,
  // The next generation of a content may come.
  `CREATE TABLE IF NOT EXISTS permissions (
    sha256 bytea NOT NULL,
    feed text NOT NULL,
    generation integer NOT NULL,
    PRIMARY KEY (sha256, feed, generation)
  )`,
  // What a host has stored and another one has in \`contents\`: until a person withdraws one.
  `CREATE TABLE IF NOT EXISTS conflicts (
    sha256 bytea NOT NULL,
    feed text NOT NULL,
    generation integer NOT NULL,
    host uuid NOT NULL REFERENCES hosts (id),
    ingest_id text,
    target bytea,
    reported_at timestamptz NOT NULL,
    -- both had stored it before they shared a ledger: nothing is wrong
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

/** So often do two hosts that make the tables at once meet in the catalogue at most. */
const TRIES = 20;

export async function makeTables(shared: Rows): Promise<void> {
  for (const statement of TABLES)
    for (let left = TRIES; ; left--) {
      try {
        await shared.rows(statement);
        break;
      } catch (error) {
        // IF NOT EXISTS asks first and makes then: who is second meets the key of the catalogue.
        if (!(error instanceof SharedError && ['23505', '42710', '42P07'].includes(error.code)) || left === 0)
          throw error;
      }
    }
}

/** Whether somebody has made them. */
export async function hasTables(shared: Rows): Promise<boolean> {
  const [row] = await shared.rows<{ there: boolean }>("SELECT to_regclass('schema_version') IS NOT NULL AS there");
  return row!.there;
}

/** Errors: SharedError, where there are no tables, or only such as this version must not use. */
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
