/**
 * One connection to the shared ledger, opened when it is needed and again after it broke.
 * Guarantees: one statement at a time, each its own transaction, so that a connection that is cut leaves no lock; a server that does
 * not answer is given up after `ANSWER_MS`; no password is in any sentence.
 * Does not: repeat a statement. Only who asked knows whether it may.
 */
import { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Client, ClientConfig, QueryResultRow } from 'pg';
import { SharedError, sharedError } from './errors.js';

const CONNECT_MS = 5_000;
/** The server gives a statement up after this; a second later so does the client, which may have been cut off. */
const STATEMENT_MS = 10_000;
const ANSWER_MS = STATEMENT_MS + 1_000;
const LOCK_MS = 5_000;
/** A goodbye that nobody hears is not waited for. */
const END_MS = 1_000;

/** Asks one statement. Errors: SharedError. */
export interface Rows {
  /** For people: host, port and database. */
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
   * `url`: `postgres://USER@HOST:PORT/DATABASE`. A password comes from PGPASSWORD or .pgpass. `greet`: what each new connection is asked
   * first, since another server may answer than before; where it fails, nothing else is asked.
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
      const told = sharedError(error, this.where);
      // Where it could not be opened, there is nothing to be used again either.
      if (told.kind !== 'row') await this.#giveUp();
      throw told;
    }
  }

  /** What is under way on it has no answer any more. */
  async #giveUp(): Promise<void> {
    const broken = this.#open;
    this.#open = undefined;
    const open = await broken?.catch(() => undefined);
    // Not `end`: it waits for a server that may be gone.
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
    // An idle connection that is cut: the next statement finds it out.
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

/** What the modes of TLS mean: as in libpq, and not as `pg` had it, which warns of that. */
function asLibpq(text: string): string {
  const url = new URL(text);
  if (url.searchParams.has('sslmode')) url.searchParams.set('uselibpqcompat', 'true');
  return url.href;
}
