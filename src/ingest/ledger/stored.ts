/** The end of a content's way, and what becomes of it when its carrier is discarded. */
import type { Job, Tx } from '../../../queue/backend.js';
import { processedOf } from '../outputs/recorded.js';
import { type JobFacts, payloadOf, type Sealed } from '../rules/facts.js';
import { parseIdentity } from '../rules/identity.js';
import { movedNothing } from '../rules/moved.js';
import { type Content, contentByRow, stageOf, waitToken } from './content.js';
import { forgetHashes } from './hashes.js';

/** Their targets are on disk: all that waits for these contents is a duplicate of them now. */
export function recordStored(tx: Tx, rows: readonly number[], note: string | null): void {
  tx.run(
    `UPDATE contents SET state = 'stored', note = ?, updated_at_ms = ?
     WHERE state <> 'stored' AND row IN (SELECT value FROM json_each(?))`,
    note,
    tx.wallMs,
    JSON.stringify(rows),
  );
  tx.wake(rows.map(waitToken));
}

export type Released =
  /** The oldest waiting twin carries the content on, line and target as they stand. */
  | { to: string }
  /** Nobody waits: the content is free again. `line`: its line was written (or planned) and has to be withdrawn. */
  | { to: undefined; line: Content | undefined };

/** No line was planned yet: it will speak of the file that is stored, and of how that one was sealed. */
export function describe(tx: Tx, row: number, heir: Job, { identity, kind }: Sealed): void {
  const { dev, ino, mtimeNs } = parseIdentity(identity)!;
  tx.run(
    'UPDATE contents SET device = ?, inode = ?, mtime_ns = ?, source_path = ?, seal = ? WHERE row = ?',
    ...[String(dev), String(ino), String(mtimeNs), heir.key, kind, row],
  );
}

/**
 * The carrier gives its content up, inside the transaction that discards it. `chain`: of its feed. A content that was processed has no
 * heir: its line names the outputs of this carrier, and nobody else can fulfil it. Whoever waits asks the ledger anew.
 */
export function releaseContent(tx: Tx, carrier: Job, row: number, chain?: object): Released {
  const content = contentByRow(tx, row);
  if (!content || content.carrier !== carrier.id || content.state === 'stored')
    return { to: undefined, line: undefined };
  if (processedOf(tx, row)) {
    forgetContent(tx, content);
    // Its names stay reserved until its outputs are put away.
    tx.wake([waitToken(row)]);
    return { to: undefined, line: content.target === null ? undefined : content };
  }
  const heir = tx.oldestWaiter(waitToken(row));
  if (heir) {
    tx.run('UPDATE contents SET carrier = ?, updated_at_ms = ? WHERE row = ?', heir.id, tx.wallMs, row);
    const facts: JobFacts = { ...(heir.payload as unknown as JobFacts), content: row, ...movedNothing(heir.claimNo) };
    if (content.target === null) describe(tx, row, heir, facts.sealed!);
    tx.release(heir.id, stageOf(content.state, chain), { payload: payloadOf(facts) });
    return { to: heir.id };
  }
  forgetContent(tx, content);
  tx.run('DELETE FROM reservations WHERE content = ?', row);
  return { to: undefined, line: content.target === null ? undefined : content };
}

/** As if it had never come; its reservations are its caller's. */
export function forgetContent(tx: Tx, content: Content): void {
  tx.run('DELETE FROM contents WHERE row = ?', content.row);
  forgetHashes(tx, [content]);
}
