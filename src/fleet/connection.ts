/**
 * One connection to the shared ledger. It is opened when needed, and again after it broke.
 * Guarantees: one statement at a time, each a transaction of its own, so a cut connection leaves no lock. A server that does not
 * answer is given up after `ANSWER_MS`. No password appears in a sentence.
 * Does not: repeat a statement. Only the caller knows whether that is safe.
 */
import { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Client, ClientConfig, QueryResultRow } from 'pg';
import { SharedError, sharedError } from './errors.js';

const CONNECT_MS = 5_000;
/** The server cancels a statement after this time. The client gives up a second later, because the connection may be cut. */
const STATEMENT_MS = 10_000;
const ANSWER_MS = STATEMENT_MS + 1_000;
const LOCK_MS = 5_000;
/** How long closing waits for the server. */
const END_MS = 1_000;

/** Runs one statement. Errors: SharedError. */
export interface Rows {
  /** Host, port and database, for messages. */
  readonly where: string;
  rows<Row extends QueryResultRow>(statement: string, values?: unknown[]): Promise<Row[]>;
}

interface Open {
  client: Client;
  socket: Socket;
}

export class SharedConnection implements Rows {
  readonly where: string;
  readonly #config: ClientConfig;
  #open: Promise<Open> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  /**
   * `url`: `postgres://USER@HOST:PORT/DATABASE`. A password comes from PGPASSWORD or .pgpass. `greet` runs first on each new connection,
   * because another server may answer than before. If it fails, nothing else is asked.
   */
  constructor(
    url: string,
    private readonly greet: (shared: Rows) => Promise<void> = async () => {},
  ) {
    const { hostname, port, pathname } = new URL(url);
    this.where = `${hostname || 'localhost'}${port && `:${port}`}${pathname}`;
    this.#config = {
      connectionString: asLibpq(url),
      connectionTimeoutMillis: CONNECT_MS,
      statement_timeout: STATEMENT_MS,
      lock_timeout: LOCK_MS,
      query_timeout: ANSWER_MS,
      keepAlive: true,
      application_name: 'atomic-ingestor',
    };
  }

  /** Errors: SharedError. */
  rows<Row extends QueryResultRow>(statement: string, values: unknown[] = []): Promise<Row[]> {
    return this.#inTurn(async ({ client }) => (await client.query<Row>(statement, values)).rows);
  }

  /** Connects, if there is no connection. Errors: SharedError. */
  ready = (): Promise<void> => this.#inTurn(async () => {});

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#last;
    const open = await this.#open?.catch(() => undefined);
    if (!open) return;
    await Promise.race([open.client.end().catch(() => undefined), pause(END_MS, undefined, { ref: false })]);
    open.socket.destroy();
  }

  #inTurn<T>(act: (open: Open) => Promise<T>): Promise<T> {
    const mine = this.#last.then(() => this.#do(act));
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  async #do<T>(act: (open: Open) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new SharedError('unknown', 'closed', `the shared ledger ${this.where} was left`);
    try {
      this.#open ??= this.#connected();
      return await act(await this.#open);
    } catch (error) {
      const failure = sharedError(error, this.where);
      // Also after a failed open: the failed promise must not be used again.
      if (failure.kind !== 'row') await this.#giveUp();
      throw failure;
    }
  }

  /** Drops the connection. Statements in progress on it get no answer. */
  async #giveUp(): Promise<void> {
    const broken = this.#open;
    this.#open = undefined;
    const open = await broken?.catch(() => undefined);
    // Not `end`, which waits for a server that may be gone.
    open?.socket.destroy();
  }

  async #connected(): Promise<Open> {
    const { default: pg } = await import('pg').catch(() => {
      throw new SharedError(
        'place',
        'no_pg',
        '--shared-ledger needs the package pg, which is not installed here: npm install pg',
      );
    });
    const socket = new Socket();
    const client = new pg.Client({ ...this.#config, stream: () => socket });
    // An idle connection was cut. The next statement finds out.
    client.on('error', () => void this.#giveUp());
    try {
      await client.connect();
      await client.query('SET synchronous_commit = on');
      await this.greet({
        where: this.where,
        rows: async <Row extends QueryResultRow>(statement: string, values: unknown[] = []) =>
          (await client.query<Row>(statement, values)).rows,
      });
      return { client, socket };
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }
}

/** Gives the TLS modes their meaning in libpq. `pg` reads them otherwise, and warns of that. */
function asLibpq(text: string): string {
  const url = new URL(text);
  if (url.searchParams.has('sslmode')) url.searchParams.set('uselibpqcompat', 'true');
  return url.href;
}
