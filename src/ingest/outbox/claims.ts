/** The claims by which the others know what this host carries, and what the shared ledger answers. */
import type { Reader, Tx } from '../../../queue/backend.js';
import type { ByteName } from '../../linux/names.js';

/** A file of which the shared ledger is asked. */
export interface AskedFile {
  job: string;
  /** Since it was found. */
  waitedMs: number;
  /** 32 bytes. */
  sha256: Buffer;
  size: number;
}

/** What the shared ledger says of a content: which generation it has, and where. */
export type Says =
  /** This host's, by this claim. */
  | { kind: 'mine'; generation: number; claim: string }
  /** This host's by another claim, which its own ledger knows or will. */
  | { kind: 'own'; generation: number }
  /** `target`: below that host's warehouse; '' where nobody knows. */
  | { kind: 'stored'; generation: number; host: string; target: ByteName }
  /** `held`: why it is held there, since `heldSince` (ISO 8601, UTC). */
  | { kind: 'carried'; generation: number; host: string; held: string | null; heldSince: string | null };

export const noteClaim = (tx: Tx, content: number, claim: string): void =>
  void tx.run(
    'INSERT INTO shared_claims VALUES (?, ?, NULL, 0) ON CONFLICT DO UPDATE SET claim = excluded.claim, held = NULL, elsewhere = 0',
    content,
    claim,
  );

/** Another host has it now: where nothing was planned of it yet, its job is to ask again. */
export const noteElsewhere = (tx: Tx, content: number): boolean =>
  tx.run('UPDATE shared_claims SET elsewhere = 1 WHERE content = ? AND elsewhere = 0', content).changes > 0;

/** Of these contents, those that another host has. */
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

/** The content is on its way here under that claim, or its end is about to be told. */
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
