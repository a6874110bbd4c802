/**
 * The tables of the shared ledger, for PostgreSQL 15 and newer: plain SQL, no triggers, no LISTEN. The primary key of `contents`
 * decides which host has a content. Names are bytes. All times are the database's.
 * Guarantees: one transaction makes the tables, or brings those of the version before up to date, also where several hosts come at once.
 */
import type { Rows } from './database.js';
import { SharedError } from './errors.js';

const SCHEMA_VERSION = 2;

/** The migration rewrites a whole table, and other hosts wait for that. */
const MAKE_MS = 86_400_000;

/** One text, so one transaction. The lock is of that transaction; its number means nothing. */
const MAKE = `
SET LOCAL statement_timeout = 0;
SELECT pg_advisory_xact_lock(7239461);
DO $$ BEGIN
IF to_regclass('schema_version') IS NULL THEN
  CREATE TABLE hosts (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE,
    -- where its state is: machine, boot and file; NULL: the host was forgotten, and who asks takes what it carries
    place text,
    -- raised by each statement, to the time in microseconds: a smaller one than a host remembers is an older database
    revision bigint NOT NULL,
    -- the highest number that the host's state gave to a question or page: a state with a smaller one is an older copy
    seq bigint NOT NULL,
    seen_at timestamptz NOT NULL,
    figures jsonb
  );
  CREATE TABLE contents (
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    feed text NOT NULL,
    generation integer NOT NULL,
    host uuid NOT NULL,
    state text NOT NULL CONSTRAINT contents_state_check CHECK (state IN ('carried', 'stored', 'withdrawn')),
    ingest_id text,
    -- the whole path at that host
    target bytea,
    size bigint NOT NULL,
    -- since when it is carried, or when it was stored
    at timestamptz NOT NULL,
    -- the number of the question for which its host got it
    asked bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (sha256, feed, generation)
  );
  CREATE INDEX contents_carried ON contents (host) WHERE state = 'carried';
  -- Contents that a host has stored although another one has them in contents. An operator withdraws one of the two.
  CREATE TABLE conflicts (
    sha256 bytea NOT NULL,
    feed text NOT NULL,
    generation integer NOT NULL,
    host uuid NOT NULL,
    -- both hosts stored it before they shared a ledger: nothing is wrong
    before_join boolean NOT NULL,
    PRIMARY KEY (sha256, feed, generation, host)
  );
  CREATE INDEX conflicts_of_host ON conflicts (host);
  CREATE TABLE schema_version (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    version integer NOT NULL,
    -- the lowest version of a program that may use the tables
    oldest_client integer NOT NULL
  );
  INSERT INTO schema_version (version, oldest_client) VALUES (${SCHEMA_VERSION}, ${SCHEMA_VERSION});
ELSIF (SELECT version FROM schema_version) = 1 THEN
  ALTER TABLE contents DROP CONSTRAINT IF EXISTS contents_host_fkey, DROP CONSTRAINT IF EXISTS contents_state_check;
  ALTER TABLE conflicts DROP CONSTRAINT IF EXISTS conflicts_host_fkey;
  ALTER TABLE contents
    ALTER COLUMN carried_at TYPE timestamptz USING coalesce(stored_at, carried_at),
    DROP COLUMN stored_at, DROP COLUMN job, DROP COLUMN claim, DROP COLUMN held, DROP COLUMN held_at,
    ADD COLUMN asked bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT contents_state_check CHECK (state IN ('carried', 'stored', 'withdrawn'));
  ALTER TABLE contents RENAME COLUMN carried_at TO at;
  ALTER TABLE conflicts DROP COLUMN ingest_id, DROP COLUMN target, DROP COLUMN reported_at;
  CREATE INDEX conflicts_of_host ON conflicts (host);
  ALTER TABLE hosts ALTER COLUMN place DROP NOT NULL;
  UPDATE hosts SET place = NULL WHERE forgotten_at IS NOT NULL;
  ALTER TABLE hosts DROP COLUMN incarnation, DROP COLUMN counter, DROP COLUMN forgotten_at, DROP COLUMN figures_at,
    ADD COLUMN revision bigint NOT NULL DEFAULT 0, ADD COLUMN seq bigint NOT NULL DEFAULT 0;
  DROP TABLE permissions;
  UPDATE schema_version SET version = ${SCHEMA_VERSION}, oldest_client = ${SCHEMA_VERSION};
END IF; END $$`;

/** Errors: SharedError; `schema_too_new` where this version must not use the tables. */
export async function makeTables(shared: Rows): Promise<void> {
  // A server that stops answering would keep the one that makes them for long.
  await checkSchema(shared).catch(() => shared.rows(MAKE, [], MAKE_MS));
  await checkSchema(shared);
}

/** Errors: SharedError if there are no tables, or if this version must not use them. */
export async function checkSchema(shared: Rows): Promise<void> {
  const [found] = await shared.rows<{ version: number; oldest: number }>(
    'SELECT version, oldest_client AS oldest FROM schema_version',
  );
  const { version = 0, oldest = 0 } = found ?? {};
  if (version >= SCHEMA_VERSION && oldest <= SCHEMA_VERSION) return;
  throw version < SCHEMA_VERSION
    ? new SharedError(
        'refused',
        'schema_too_old',
        `the shared ledger ${shared.where} has tables of version ${version}, and this ingestor needs version ${SCHEMA_VERSION}: stop the processes of the state and run ingest-ctl host join, which brings them up to date`,
      )
    : new SharedError(
        'refused',
        'schema_too_new',
        `the shared ledger ${shared.where} needs programs of version ${oldest} or newer, and this one has ${SCHEMA_VERSION}: install the newer ingestor on this host`,
      );
}
