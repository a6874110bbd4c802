/**
 * The host that a state is in the ledger that hosts share: one row, none in a state that never joined.
 * `revision` is PostgreSQL's, `seq` is the state's own: each is kept before anything follows from it.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import type { Module } from '../../../queue/index.js';

/** As cursor: `ingest-ctl host join` was not finished. Nothing is asked or told. */
export const JOINING = -1;

/** A table of the version before. A state that never joined has it empty, or not at all. */
const BEFORE = `CREATE TABLE IF NOT EXISTS shared_host (one INTEGER, id TEXT, name TEXT, ledger TEXT, incarnation TEXT,
    joined INTEGER, told INTEGER);`;

export const sharingModule: Module = {
  name: 'shared',
  migrations: [
    // The number of the migration that made the tables of the version before: a new state has none of them.
    '',
    ['stored', 'learned', 'released', 'permitted', 'withdrawn']
      .map((trigger) => `DROP TRIGGER IF EXISTS shared_${trigger};`)
      .concat(['claims', 'outbox'].map((table) => `DROP TABLE IF EXISTS shared_${table};`))
      .join('\n'),
    `
    CREATE TABLE host (
      one INTEGER PRIMARY KEY CHECK (one = 1),
      -- a UUID
      id TEXT NOT NULL,
      name TEXT NOT NULL,
      -- JSON: the places that this state entered last, or just tries to
      places TEXT NOT NULL,
      -- the highest one that came back
      revision INTEGER NOT NULL,
      -- the number of the last question or page, kept before it is sent
      seq INTEGER NOT NULL,
      -- from this number on everything is asked and told anew
      since INTEGER NOT NULL,
      -- the row of contents up to which everything was told again; NULL: that has ended
      cursor INTEGER,
      -- 1: it joins for the first time, so what two hosts have is from before
      first INTEGER NOT NULL
    ) STRICT;
    ${BEFORE}
    -- It joins once more before it goes on: that brings the shared tables up to date, and tells everything.
    INSERT INTO host SELECT 1, id, name, '[]', 0, 0, 1, ${JOINING}, 0 FROM shared_host;
    DROP TABLE shared_host;
    `,
  ],
};

export interface SharingHost {
  id: string;
  name: string;
  places: readonly string[];
  revision: number;
  seq: number;
  since: number;
  cursor: number | null;
  first: 0 | 1;
}

/** Undefined: the state shares nothing. */
export function sharingHost(reader: Reader): SharingHost | undefined {
  const row = reader.get<Omit<SharingHost, 'places'> & { places: string }>('SELECT * FROM host');
  return row && { ...row, places: JSON.parse(row.places) };
}

export function putHost(tx: Tx, { id, name, places, revision, seq, since, cursor, first }: SharingHost): void {
  tx.run(
    'INSERT OR REPLACE INTO host (one, id, name, places, revision, seq, since, cursor, first) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)',
    ...[id, name, JSON.stringify(places), revision, seq, since, cursor, first],
  );
}

/** In the commit that records what came back with it. */
export const noteRevision = (tx: Tx, revision: number): void =>
  void tx.run('UPDATE host SET revision = max(revision, ?)', revision);

/** The number of a question or page. It is kept before that is sent. */
export const nextSeq = (tx: Tx): number => tx.get<{ seq: number }>('UPDATE host SET seq = seq + 1 RETURNING seq')!.seq;

/** A content that was asked for with a smaller number is asked for again. It is 0 in a state that shares nothing. */
export const askedSince = (reader: Reader): number =>
  reader.get<{ since: number }>('SELECT since FROM host')?.since ?? 0;

/** In SQL, for `contents.told` of a content that ends: PostgreSQL is to be told, where there is one. */
export const TOLD_OF_AN_END = 'NOT EXISTS (SELECT 1 FROM host)';

/** For people: contents whose end was not told. At most a million. */
export const untold = (reader: Reader): number =>
  reader.get<{ n: number }>('SELECT count(*) AS n FROM (SELECT 1 FROM contents WHERE told = 0 LIMIT 1000000)')!.n;

/** The state that asked and told was another one. It joins again before it goes on, and then tells everything. */
export const joinAgain = (tx: Tx): void => void tx.run('UPDATE host SET cursor = ?', JOINING);

/** As if it had never joined. */
export const leaveSharing = (tx: Tx): void => void tx.run('DELETE FROM host');
