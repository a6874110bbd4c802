/**
 * What the ledger of a host that has joined a shared one keeps for it: who the host is there, by which claim the others know what it
 * carries, and what they have not been told yet.
 * Guarantees: whatever stores a content or gives it up, in whichever program, notes it in the outbox in the same transaction: triggers
 * do, and they are there only where the state has joined. Without them nothing of a file's way is written twice.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import type { ByteName } from '../../linux/names.js';
import type { Content } from './content.js';

export const sharedModule = {
  name: 'shared',
  migrations: [
    `
    CREATE TABLE shared_host (
      one INTEGER PRIMARY KEY CHECK (one = 1),
      -- a UUID
      id TEXT NOT NULL,
      name TEXT NOT NULL,
      -- of the shared ledger, without a user or a password
      ledger TEXT NOT NULL,
      -- decimal
      incarnation TEXT NOT NULL,
      -- 1 once the others know all that this host had stored before
      joined INTEGER NOT NULL,
      -- number in the outbox of what they were told last
      told INTEGER NOT NULL DEFAULT 0
    ) STRICT;

    -- Of contents that are on their way. A claim is a UUID.
    CREATE TABLE shared_claims (
      content INTEGER PRIMARY KEY,
      claim TEXT NOT NULL,
      -- why its file is held, as the others were told
      held TEXT
    ) STRICT;
    CREATE INDEX shared_claims_by_claim ON shared_claims (claim);

    -- AUTOINCREMENT: the others know by its number how much they were told.
    CREATE TABLE shared_outbox (
      n INTEGER PRIMARY KEY AUTOINCREMENT,
      kind TEXT NOT NULL CHECK (kind IN ('stored', 'released', 'permitted')),
      feed TEXT NOT NULL,
      sha256 BLOB NOT NULL,
      generation INTEGER NOT NULL,
      -- NULL: nobody was told that it is carried
      claim TEXT,
      job TEXT,
      ingest_id TEXT,
      target BLOB,
      size INTEGER
    ) STRICT;
    CREATE INDEX shared_outbox_by_hash ON shared_outbox (sha256);
    `,
  ],
} as const;

const NOTED = (kind: string, of: string): string => `
  INSERT INTO shared_outbox (kind, feed, sha256, generation, claim, job, ingest_id, target, size)
  VALUES ('${kind}', ${of}.feed, ${of}.sha256, ${of}.generation, (SELECT claim FROM shared_claims WHERE content = ${of}.row),
          ${of}.carrier, ${of}.ingest_id, ${of}.target, ${of}.size);
  DELETE FROM shared_claims WHERE content = ${of}.row;`;

const TRIGGERS = [
  `CREATE TRIGGER IF NOT EXISTS shared_stored AFTER UPDATE OF state ON contents
   WHEN NEW.state = 'stored' AND OLD.state <> 'stored' BEGIN ${NOTED('stored', 'NEW')} END`,
  `CREATE TRIGGER IF NOT EXISTS shared_learned AFTER INSERT ON contents
   WHEN NEW.state = 'stored' BEGIN ${NOTED('stored', 'NEW')} END`,
  `CREATE TRIGGER IF NOT EXISTS shared_released AFTER DELETE ON contents
   WHEN OLD.state <> 'stored' BEGIN ${NOTED('released', 'OLD')} END`,
  `CREATE TRIGGER IF NOT EXISTS shared_permitted AFTER INSERT ON exceptions
   WHEN NEW.kind = 'allow_again' BEGIN
     INSERT INTO shared_outbox (kind, feed, sha256, generation) VALUES ('permitted', NEW.feed, NEW.sha256, NEW.generation); END`,
];

export interface SharedHost {
  id: string;
  name: string;
  ledger: string;
  incarnation: bigint;
  joined: boolean;
  /** How much of the outbox the others were told: the number of its last entry. */
  told: number;
}

export function sharedHost(reader: Reader): SharedHost | undefined {
  const row = reader.get<Omit<SharedHost, 'incarnation' | 'joined'> & { incarnation: string; joined: number }>(
    'SELECT id, name, ledger, incarnation, joined, told FROM shared_host',
  );
  return row && { ...row, incarnation: BigInt(row.incarnation), joined: row.joined === 1 };
}

/** From this transaction on the outbox gets everything. */
export function beginSharing(tx: Tx, { id, name, ledger, incarnation, joined }: Omit<SharedHost, 'told'>): void {
  tx.run(
    'INSERT INTO shared_host VALUES (1, ?, ?, ?, ?, ?, 0) ON CONFLICT DO UPDATE SET name = excluded.name, joined = excluded.joined',
    ...[id, name, ledger, String(incarnation), joined ? 1 : 0],
  );
  for (const trigger of TRIGGERS) tx.run(trigger);
}

export const noteIncarnation = (tx: Tx, incarnation: bigint): void =>
  void tx.run(
    'UPDATE shared_host SET incarnation = ? WHERE incarnation <> ?',
    String(incarnation),
    String(incarnation),
  );

/** What the shared ledger says of a content: which generation it has, and where. */
export type Says =
  /** This host's, by this claim. */
  | { kind: 'mine'; generation: number; claim: string }
  /** This host's by another claim, which its own ledger knows or will. */
  | { kind: 'own'; generation: number }
  /** `target`: below that host's warehouse; '' where nobody knows. */
  | { kind: 'stored'; generation: number; host: string; target: ByteName }
  /** `held`: why it is held there. */
  | { kind: 'carried'; generation: number; host: string; held: string | null };

export const noteClaim = (tx: Tx, content: number, claim: string): void =>
  void tx.run(
    'INSERT INTO shared_claims VALUES (?, ?, NULL) ON CONFLICT DO UPDATE SET claim = excluded.claim, held = NULL',
    content,
    claim,
  );

export const claimOf = (reader: Reader, content: number): string | undefined =>
  reader.get<{ claim: string }>('SELECT claim FROM shared_claims WHERE content = ?', content)?.claim;

/** What is known here has that claim now; where it is stored already, the others are told so. */
export function noteOwner(
  tx: Tx,
  { row, feed, sha256, generation, carrier, ingestId, target, size, state }: Content,
  claim: string,
): void {
  if (state !== 'stored') return noteClaim(tx, row, claim);
  tx.run(
    "INSERT INTO shared_outbox (kind, feed, sha256, generation, claim, job, ingest_id, target, size) VALUES ('stored', ?, ?, ?, ?, ?, ?, ?, ?)",
    ...[feed, sha256, generation, claim, carrier, ingestId, target, size],
  );
}

/** The content is on its way here under that claim, or its end is about to be told. */
export const isClaimKnown = (reader: Reader, claim: string): boolean =>
  reader.get(
    'SELECT 1 FROM shared_claims WHERE claim = ? UNION ALL SELECT 1 FROM shared_outbox WHERE claim = ?',
    claim,
    claim,
  ) !== undefined;

interface Named {
  feed: string;
  sha256: Buffer;
  generation: number;
}

/** What happened to a content; `permitted`: that generation of it may come. */
export type Untold = Named & { n: number } & (
    | {
        kind: 'stored';
        claim: string | null;
        job: string;
        ingestId: string | null;
        target: Buffer | null;
        size: number;
      }
    | { kind: 'released'; claim: string | null }
    | { kind: 'permitted' }
  );

/** What the others have not been told, in its order. */
export const untold = (reader: Reader, max: number): Untold[] =>
  reader.all<Untold>(
    `SELECT n, kind, feed, sha256, generation, claim, job, ingest_id AS ingestId, target, size
     FROM shared_outbox ORDER BY n LIMIT ?`,
    max,
  );

export const isUntold = (reader: Reader, sha256: Buffer): boolean =>
  reader.get('SELECT 1 FROM shared_outbox WHERE sha256 = ?', sha256) !== undefined;

export function noteTold(tx: Tx, first: number, last: number): void {
  tx.run('DELETE FROM shared_outbox WHERE n BETWEEN ? AND ?', first, last);
  tx.run('UPDATE shared_host SET told = max(told, ?)', last);
}

/** The number of the last entry that the outbox ever had. */
export const lastNoted = (reader: Reader): number =>
  reader.get<{ seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'shared_outbox'")?.seq ?? 0;

export interface HeldThere extends Named {
  row: number;
  claim: string;
  carrier: string;
}

/** Contents on their way whose file is held, or is not any more, and the others were told otherwise. */
export const heldOtherwise = (reader: Reader, max: number): HeldThere[] =>
  reader.all<HeldThere>(
    `SELECT c.row, c.feed, c.sha256, c.generation, s.claim, c.carrier
     FROM shared_claims s JOIN contents c ON c.row = s.content LEFT JOIN all_jobs j ON j.id = c.carrier AND j.state = 'held'
     WHERE (j.id IS NULL) <> (s.held IS NULL) LIMIT ?`,
    max,
  );

/** `code`: of the hold; null when it goes on. */
export const noteHeldTold = (tx: Tx, { row, claim }: HeldThere, code: string | null): void =>
  void tx.run('UPDATE shared_claims SET held = ? WHERE content = ? AND claim = ?', code, row, claim);

/** The outbox goes on behind what the others were told by an earlier state of this host. */
export function goOnBehind(tx: Tx, counter: number): void {
  if (lastNoted(tx) >= counter) return;
  tx.run("DELETE FROM sqlite_sequence WHERE name = 'shared_outbox'");
  tx.run("INSERT INTO sqlite_sequence VALUES ('shared_outbox', ?)", counter);
}

/** A row of the shared ledger that nothing here stands for any more: it is given up like a content. */
export const noteLeftBehind = (tx: Tx, { feed, sha256, generation, claim }: Named & { claim: string }): void =>
  void tx.run(
    "INSERT INTO shared_outbox (kind, feed, sha256, generation, claim) VALUES ('released', ?, ?, ?, ?)",
    ...[feed, sha256, generation, claim],
  );
