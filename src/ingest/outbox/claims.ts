/**
 * The answers of the shared ledger, and the claims (UUIDs) under which other hosts know the contents that this host carries.
 * Does not: ask the shared ledger. This is the local state only.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import type { ByteName } from '../../linux/names.js';

/** A file whose content the shared ledger is asked about. */
export interface AskedFile {
  job: string;
  /** The time since it was found. */
  waitedMs: number;
  /** 32 bytes. */
  sha256: Buffer;
  size: number;
}

/** The answer of the shared ledger about a content: its generation, and where it is. */
export type Says =
  /** It belongs to this host, by this claim. */
  | { kind: 'mine'; generation: number; claim: string }
  /** It belongs to this host by another claim, which its own ledger has or will have. */
  | { kind: 'own'; generation: number }
  /** `target`: below the warehouse of that host; '' where nobody knows it. */
  | { kind: 'stored'; generation: number; host: string; target: ByteName }
  /** `held`: why that host holds it, since `heldSince` (ISO 8601, UTC). */
  | { kind: 'carried'; generation: number; host: string; held: string | null; heldSince: string | null };

export const noteClaim = (tx: Tx, content: number, claim: string): void =>
  void tx.run(
    'INSERT INTO shared_claims VALUES (?, ?, NULL, 0) ON CONFLICT DO UPDATE SET claim = excluded.claim, held = NULL, elsewhere = 0',
    content,
    claim,
  );

/** Notes that another host has the content. If its line is not planned yet, its job must ask again. */
export const noteElsewhere = (tx: Tx, content: number): boolean =>
  tx.run('UPDATE shared_claims SET elsewhere = 1 WHERE content = ? AND elsewhere = 0', content).changes > 0;

/** Returns those of the contents that another host has. */
export const elsewhereOf = (reader: Reader, contents: readonly number[]): Set<number> =>
  new Set(
    reader
      .all<{ content: number }>(
        'SELECT content FROM shared_claims WHERE elsewhere = 1 AND content IN (SELECT value FROM json_each(?))',
        JSON.stringify(contents),
      )
      .map(({ content }) => content),
  );

export const claimOf = (reader: Reader, content: number): string | undefined =>
  reader.get<{ claim: string }>('SELECT claim FROM shared_claims WHERE content = ?', content)?.claim;

/** True where the content is on its way here under that claim, or its end is still in the outbox. */
export const isClaimKnown = (reader: Reader, claim: string): boolean =>
  reader.get(
    'SELECT 1 FROM shared_claims WHERE claim = ? UNION ALL SELECT 1 FROM shared_outbox WHERE claim = ?',
    claim,
    claim,
  ) !== undefined;

export interface HeldThere {
  feed: string;
  sha256: Buffer;
  generation: number;
  row: number;
  claim: string;
  carrier: string;
}

/** Contents on their way whose hold the shared ledger does not know yet, or still has although it ended. */
export const holdsToSend = (reader: Reader, max: number): HeldThere[] =>
  reader.all<HeldThere>(
    `SELECT c.row, c.feed, c.sha256, c.generation, s.claim, c.carrier
     FROM shared_claims s JOIN contents c ON c.row = s.content LEFT JOIN all_jobs j ON j.id = c.carrier AND j.state = 'held'
     WHERE (j.id IS NULL) <> (s.held IS NULL) LIMIT ?`,
    max,
  );

/** Notes that the shared ledger has the hold. `code`: of the hold; null: none. */
export const noteHoldSent = (tx: Tx, { row, claim }: HeldThere, code: string | null): void =>
  void tx.run('UPDATE shared_claims SET held = ? WHERE content = ? AND claim = ?', code, row, claim);
