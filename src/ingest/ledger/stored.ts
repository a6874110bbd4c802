/**
 * The end of a content: it is stored, or its carrier is discarded and gives it up.
 * Guarantees: every job that waits for the content is woken: the same transaction records that it is to be.
 */
import type { Job, Tx } from '../../../queue/backend.js';
import { type Giving, stageAfter } from '../../base/config/values/stage-names.js';
import { processedOf } from '../chains/recorded-outputs.js';
import { factsOf, type JobFacts, payloadOf, type Sealed } from '../rules/facts.js';
import { parseIdentity } from '../rules/identity.js';
import { type Content, contentByRow, hasEnded, UNDER_WAY, waitToken } from './content.js';
import { TOLD_OF_AN_END } from './host.js';

/** `stored`: it is at its target. `unconfirmed`: it was moved there, as far as can be known, and a consumer took it. */
export type Delivered = Extract<Content['state'], 'stored' | 'unconfirmed'>;

/** The targets are on disk. All jobs that wait for these contents are duplicates now. */
export function recordStored(tx: Tx, rows: readonly number[], state: Delivered): void {
  tx.run(
    `UPDATE contents SET state = ?, updated_at_ms = ?, told = ${TOLD_OF_AN_END} WHERE ${UNDER_WAY} AND row IN (SELECT value FROM json_each(?))`,
    state,
    tx.wallMs,
    JSON.stringify(rows),
  );
  tx.wake(rows.map(waitToken));
}

export type Released =
  /** The oldest waiting twin carries the content from now on; line and target stay as they are. */
  | { to: string }
  /** Nobody waits: the content is free again. `line`: its line is written or planned, and must be taken back. */
  | { to: undefined; line: Content | undefined };

/** No line is planned yet, so the line will describe the heir's file, and how that one was sealed. */
export function describe(tx: Tx, row: number, heir: Pick<Job, 'key'>, { identity, kind }: Sealed): void {
  const { dev, ino, mtimeNs } = parseIdentity(identity)!;
  tx.run(
    'UPDATE contents SET device = ?, inode = ?, mtime_ns = ?, source_path = ?, seal = ? WHERE row = ?',
    ...[String(dev), String(ino), String(mtimeNs), heir.key, kind, row],
  );
}

/**
 * The carrier gives its content up, inside the transaction that discards it. A processed content
 * has no heir: its line names the outputs of this carrier, and no other job can provide them. Jobs that wait ask the ledger again.
 */
export function releaseContent(tx: Tx, carrier: Job, row: number, feed: Giving = {}): Released {
  const content = contentByRow(tx, row);
  if (!content || content.carrier !== carrier.id || hasEnded(content)) return { to: undefined, line: undefined };
  if (processedOf(tx, row)) {
    forgetContent(tx, content);
    tx.wake([waitToken(row)]);
    return { to: undefined, line: content.target === null ? undefined : content };
  }
  const heir = tx.oldestWaiter(waitToken(row));
  if (heir) {
    tx.run('UPDATE contents SET carrier = ?, updated_at_ms = ? WHERE row = ?', heir.id, tx.wallMs, row);
    const facts: JobFacts = { ...factsOf(heir), content: row };
    if (content.target === null) describe(tx, row, heir, facts.sealed!);
    // The heir waited: its own file has not left the work directory.
    tx.release(heir.id, stageAfter('hash', feed)!, { payload: payloadOf(facts), interrupted: false });
    return { to: heir.id };
  }
  forgetContent(tx, content);
  return { to: undefined, line: content.target === null ? undefined : content };
}

/** Removes the content as if it had never come. Its names stay given until its job has put its files away. */
const forgetContent = (tx: Tx, { row }: Content): void => void tx.run('DELETE FROM contents WHERE row = ?', row);
