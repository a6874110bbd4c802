/**
 * The outbox: changes of this host's contents that were not sent to the shared ledger yet.
 * Guarantees: entries are sent in the order of their numbers, and removed only after they were sent.
 * Does not: note changes of contents. Triggers do (schema.ts), except for the two cases below.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import { noteClaim } from './claims.js';

interface Named {
  feed: string;
  sha256: Buffer;
  generation: number;
}

/** A change of a content. `permitted`: that generation may come. `withdrawn`: it was taken out of the warehouse. */
export type OutboxEntry = Named & { n: number } & (
    | {
        kind: 'stored';
        claim: string | null;
        job: string;
        ingestId: string | null;
        target: Buffer | null;
        size: number;
      }
    | { kind: 'released'; claim: string | null }
    | { kind: 'permitted' | 'withdrawn' }
  );

/** The entries that were not sent yet, in their order. */
export const unsent = (reader: Reader, max: number): OutboxEntry[] =>
  reader.all<OutboxEntry>(
    `SELECT n, kind, feed, sha256, generation, claim, job, ingest_id AS ingestId, target, size
     FROM shared_outbox ORDER BY n LIMIT ?`,
    max,
  );

export const isUnsent = (reader: Reader, sha256: Buffer): boolean =>
  reader.get('SELECT 1 FROM shared_outbox WHERE sha256 = ?', sha256) !== undefined;

export function noteSent(tx: Tx, first: number, last: number): void {
  tx.run('DELETE FROM shared_outbox WHERE n BETWEEN ? AND ?', first, last);
  tx.run('UPDATE shared_host SET told = max(told, ?)', last);
}

/** The number of the last entry that the outbox ever had. */
export const lastNoted = (reader: Reader): number =>
  reader.get<{ seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'shared_outbox'")?.seq ?? 0;

/** The next entry gets a number after those that an earlier state of this host sent. */
export function continueAfter(tx: Tx, counter: number): void {
  if (lastNoted(tx) >= counter) return;
  tx.run("DELETE FROM sqlite_sequence WHERE name = 'shared_outbox'");
  tx.run("INSERT INTO sqlite_sequence VALUES ('shared_outbox', ?)", counter);
}

/** Gives up a row of the shared ledger that nothing in this state belongs to any more. */
export const noteAbandoned = (tx: Tx, { feed, sha256, generation, claim }: Named & { claim: string }): void =>
  void tx.run(
    "INSERT INTO shared_outbox (kind, feed, sha256, generation, claim) VALUES ('released', ?, ?, ?, ?)",
    ...[feed, sha256, generation, claim],
  );

interface Known extends Named {
  row: number;
  state: string;
  carrier: string;
  ingestId: string | null;
  target: Buffer | null;
  size: number;
}

/** Gives a known content that claim. If it is stored already, the outbox gets that. */
export function noteOwner(
  tx: Tx,
  { row, feed, sha256, generation, carrier, ingestId, target, size, state }: Known,
  claim: string,
): void {
  if (state !== 'stored') noteClaim(tx, row, claim);
  else
    tx.run(
      "INSERT INTO shared_outbox (kind, feed, sha256, generation, claim, job, ingest_id, target, size) VALUES ('stored', ?, ?, ?, ?, ?, ?, ?, ?)",
      ...[feed, sha256, generation, claim, carrier, ingestId, target, size],
    );
}
