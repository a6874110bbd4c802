/** What the others have not been told of this host's contents. */
import type { Reader, Tx } from '../../../queue/backend.js';
import { noteClaim } from './claims.js';

interface Named {
  feed: string;
  sha256: Buffer;
  generation: number;
}

/** What happened to a content; `permitted`: that generation of it may come; `withdrawn`: it was taken out of the warehouse. */
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
    | { kind: 'permitted' | 'withdrawn' }
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

interface Known extends Named {
  row: number;
  state: string;
  carrier: string;
  ingestId: string | null;
  target: Buffer | null;
  size: number;
}

/** What is known here has that claim now; where it is stored already, the others are told so. */
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
