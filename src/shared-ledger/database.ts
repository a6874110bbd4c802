/**
 * The PostgreSQL of the shared ledger: a pool of connections, one statement at a time, each a transaction of its own. So a cut
 * connection leaves no lock, and a proxy that pools transactions (PgBouncer) may stand between.
 * Guarantees: a server that does not answer is given up after `ANSWER_MS`, or the time of the call. No password appears in a sentence.
 * Does not: repeat a statement. Only the caller knows whether that is safe.
 */
import type { Pool, QueryResultRow } from 'pg';
import { type SharedError, sharedError } from './errors.js';

const CONNECT_MS = 5_000;
/** The role's statement_timeout is shorter (docs/fleet.md): then the server ends the statement, not a cut. */
const ANSWER_MS = 15_000;
const IDLE_MS = 60_000;

/** The part of it that statements need. */
export type Rows = Pick<SharedDatabase, 'where' | 'rows'>;

export class SharedDatabase {
  /** Host, port and database, for messages. */
  readonly where: string;
  readonly #url: string;
  #pool: Promise<Pool> | undefined;

  /** `url`: `postgres://USER@HOST:PORT/DATABASE`. A password comes from PGPASSWORD or .pgpass. */
  constructor(url: string) {
    const { hostname, port, pathname } = new URL(url);
    this.where = `${hostname || 'localhost'}${port && `:${port}`}${pathname}`;
    this.#url = asLibpq(url);
  }

  /** Errors: SharedError. */
  async rows<Row extends QueryResultRow>(
    text: string,
    values: readonly unknown[] = [],
    ms = ANSWER_MS,
  ): Promise<Row[]> {
    try {
      this.#pool ??= this.#opened();
      // Several statements in one text give a list of results, which nobody reads.
      const query = { text, values: values as unknown[], query_timeout: ms };
      return (await (await this.#pool).query<Row>(query)).rows;
    } catch (error) {
      throw sharedError(error, this.where);
    }
  }

  async close(): Promise<void> {
    const pool = await this.#pool;
    this.#pool = undefined;
    await pool?.end();
  }

  /** Loaded here alone: a host that shares nothing does not have `pg` in memory, and need not have it installed. */
  async #opened(): Promise<Pool> {
    const { default: pg } = await import('pg');
    const pool = new pg.Pool({
      connectionString: this.#url,
      max: 4,
      connectionTimeoutMillis: CONNECT_MS,
      idleTimeoutMillis: IDLE_MS,
      keepAlive: true,
      application_name: 'atomic-ingestor',
      allowExitOnIdle: true,
    });
    // An idle connection was cut. The pool has dropped it, and the next statement gets another.
    pool.on('error', () => {});
    return pool;
  }
}

/** For a command: closes the connection afterwards. */
export async function withDatabase<T>(url: string, act: (shared: SharedDatabase) => Promise<T>): Promise<T> {
  const shared = new SharedDatabase(url);
  try {
    return await act(shared);
  } finally {
    await shared.close().catch((error: unknown): SharedError => sharedError(error, shared.where));
  }
}

/** Gives the TLS modes their meaning in libpq. `pg` reads them otherwise, and warns of that. */
function asLibpq(text: string): string {
  const url = new URL(text);
  if (url.searchParams.has('sslmode')) url.searchParams.set('uselibpqcompat', 'true');
  return url.href;
}
