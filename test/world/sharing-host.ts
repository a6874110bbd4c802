/** Hosts in one process: states of SQLite, a real PostgreSQL for a file of tests, and what comes in between two steps. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { after, before, type TestContext } from 'node:test';
import type { QueryResultRow } from 'pg';
import type { Backend } from '../../queue/backend.js';
import { type ContentState, insertContent } from '../../src/ingest/ledger/content.js';
import { sharingHost } from '../../src/ingest/ledger/host.js';
import { openState } from '../../src/ingest/ledger/open-state.js';
import { join } from '../../src/ingest/sharing/join.js';
import { tell } from '../../src/ingest/sharing/rounds.js';
import { SharedLedger } from '../../src/ingest/sharing/shared-ledger.js';
import type { Rows } from '../../src/shared-ledger/database.js';
import type { Key } from '../../src/shared-ledger/statements.js';
import { Postgres, postgresBinaries } from './postgres.js';

const IS_THERE = postgresBinaries() !== undefined;
export const SKIP = IS_THERE
  ? {}
  : { skip: 'PostgreSQL is not installed: the sentences of the shared ledger were not tested' };
export const FEED = 'default';

export let server: Postgres;
before(async () => {
  // It has the life of a file of tests.
  if (IS_THERE) server = (await Postgres.start({ after: () => {} } as unknown as TestContext))!;
});
after(() => server?.remove());

let made = 0;
export const newKey = (generation = 1): Key => {
  const sha256 = Buffer.alloc(32);
  sha256.writeUInt32BE(++made);
  return { feed: FEED, sha256, generation };
};

export interface Host {
  backend: Backend;
  ledger: SharedLedger;
  id: string;
  name: string;
  /** Ends when PostgreSQL has every end. */
  toldAll(): Promise<void>;
}

export async function newHost(t: TestContext): Promise<Host> {
  const folder = mkdtempSync(joinPath(tmpdir(), 'ingest-sharing-'));
  const statePath = joinPath(folder, 'state.db');
  const backend = await openState({ statePath, title: 'test', maxAttempts: 8 });
  const ledger = new SharedLedger(backend, statePath, server.url, () => {});
  t.after(async () => {
    await ledger.close();
    await backend.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const name = `host-${++made}`;
  await join({ backend, statePath, shared: ledger.shared, takeOver: false, isSure: false }, name);
  const toldAll = async (): Promise<void> => {
    for (let next: number | undefined = 0; next !== undefined; ) next = await tell(ledger, next);
  };
  await toldAll();
  return { backend, ledger, id: backend.read(sharingHost)!.id, name, toldAll };
}

const FILE = {
  size: 1,
  device: '1',
  inode: '2',
  mtimeNs: '3',
  sourcePath: Buffer.from('a.csv'),
  seal: 'lease' as const,
};
const LINE = {
  hour: '2030/01/02/03',
  ingestId: 'JOB',
  ingestedAtMs: Date.now() - 1_000,
  target: Buffer.from('day/a.csv'),
};
const NO_LINE = { hour: null, ingestId: null, ingestedAtMs: null, target: null };

export const record = ({ backend }: Host, key: Key, state: ContentState): Promise<number> =>
  backend.transact((tx) =>
    insertContent(tx, { ...key, state, carrier: 'JOB', ...FILE, ...(state === 'carried' ? NO_LINE : LINE) }),
  );

export const set = ({ backend }: Host, key: Key, change: string): Promise<unknown> =>
  backend.transact((tx) => tx.run(`UPDATE contents SET ${change} WHERE sha256 = ?`, key.sha256));

export const toldOf = ({ backend }: Host, key: Key): number =>
  backend.read((r) => r.get<{ told: number }>('SELECT told FROM contents WHERE sha256 = ?', key.sha256))!.told;

interface Row {
  host: string;
  state: string;
  asked: string;
  at: Date;
}

export const rowOf = async ({ ledger }: Host, { sha256 }: Key): Promise<Row | undefined> =>
  (await ledger.shared.rows<Row>('SELECT host, state, asked, at FROM contents WHERE sha256 = $1', [sha256]))[0];

export const change = ({ ledger, id }: Host, what: string): Promise<unknown> =>
  ledger.shared.rows(`UPDATE hosts SET ${what} WHERE id = $1`, [id]);

export const hasConflict = async ({ ledger, id }: Host, { sha256 }: Key): Promise<boolean> =>
  (await ledger.shared.rows('SELECT 1 FROM conflicts WHERE host = $1 AND sha256 = $2', [id, sha256])).length > 0;

/** As many contents of that host, with small keys, which its state does not know. */
export const insertRows = ({ ledger, id }: Host, state: 'carried' | 'stored', many: number): Promise<unknown> =>
  ledger.shared.rows(
    `INSERT INTO contents (sha256, feed, generation, host, state, size, at)
     SELECT decode(lpad('', 56, '0') || lpad(to_hex(n), 8, '0'), 'hex'), $1::text, 1, $1::uuid, $2, 1, now()
       FROM generate_series(1, $3::int) AS n`,
    [id, state, many],
  );

/** Notes the texts of its statements. */
export const noting = ({ ledger: { shared } }: Host, sent: string[]): Rows => ({
  where: shared.where,
  rows: (text, values) => {
    sent.push(text);
    return shared.rows(text, values);
  },
});

export const question = (key: Key) => ({ ...key, size: 1 });
export const refused = (code: string) => ({ name: 'PlaceError', code });

type Act = (values: readonly unknown[]) => Promise<unknown>;

/** Runs `act` before the next statement whose text has these words is sent. */
export function beforeStatement({ ledger: { shared } }: Host, words: string, act: Act): void {
  const rows = shared.rows.bind(shared);
  shared.rows = async (text: string, values: readonly unknown[] = []) => {
    if (text.includes(words)) {
      shared.rows = rows;
      await act(values);
    }
    return rows(text, values);
  };
}

/** Runs `act` when the next statement whose text has these words was done, before its answer is used. */
export function afterStatement({ ledger: { shared } }: Host, words: string, act: Act): void {
  const rows = shared.rows.bind(shared);
  shared.rows = async <Row extends QueryResultRow>(text: string, values: readonly unknown[] = []) => {
    const answer = await rows<Row>(text, values);
    if (text.includes(words)) {
      shared.rows = rows;
      await act(values);
    }
    return answer;
  };
}

/** A second process of that host. */
export function secondWorker(t: TestContext, { backend, ledger: { statePath } }: Host): SharedLedger {
  const ledger = new SharedLedger(backend, statePath, server.url, () => {});
  t.after(() => ledger.close());
  return ledger;
}
