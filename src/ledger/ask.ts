/**
 * The one question that keeps a content from going in twice, asked inside the transaction that records the hash: is it
 * new, stored, or on its way with another job?
 */
import type { ClaimedJob, Outcome, Tx } from '../../queue/backend.js';
import { parseIdentity } from '../files/identity.js';
import { type JobFacts, type PutAway, payloadOf } from '../stages/job.js';
import { type Content, contentByHash, placeOf, stageOf, waitToken } from './content.js';

/** `facts` has `sha256` and `sealed`. Answers the outcome of the hash stage. */
export function askLedger(tx: Tx, job: ClaimedJob, facts: JobFacts): Outcome {
  const sha256 = Buffer.from(facts.sha256!, 'hex');
  // A writer that was met after the seal may have made it longer.
  const bytes = Number(parseIdentity(facts.sealed!.identity)!.size);
  const known = contentByHash(tx, job.feed, sha256);
  if (!known) {
    const content = carry(tx, job, facts, sha256);
    return { kind: 'advance', to: 'manifest', bytes, payload: payloadOf({ ...facts, content }) };
  }
  if (known.carrier === job.id && known.state !== 'stored') {
    return {
      kind: 'advance',
      to: stageOf(known.state),
      bytes,
      payload: payloadOf({ ...facts, content: known.row, moveAfter: job.claimNo }),
    };
  }
  if (known.state === 'stored') return { ...duplicate(facts, known), bytes };
  return {
    kind: 'wait',
    on: waitToken(known.row),
    why: `content carried by ${known.carrier}`,
    bytes,
    payload: payloadOf(facts),
  };
}

/** The decision goes into the row; the next claim puts the file away. */
function duplicate(facts: JobFacts, of: Content): Outcome {
  const putAway: PutAway = { kind: 'duplicate', of: placeOf(of) };
  return { kind: 'defer', inMs: 0, why: 'duplicate', payload: payloadOf({ ...facts, content: of.row, putAway }) };
}

function carry(tx: Tx, job: ClaimedJob, facts: JobFacts, sha256: Buffer): number {
  const original = parseIdentity(facts.sealed!.identity)!;
  const { lastInsertRowid } = tx.run(
    `INSERT INTO contents (feed, sha256, generation, state, carrier, size, device, inode, mtime_ns, source_path, seal, created_at_ms, updated_at_ms)
     VALUES (?, ?, 1, 'carried', ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    job.feed,
    sha256,
    job.id,
    original.size,
    String(original.dev),
    String(original.ino),
    String(original.mtimeNs),
    job.key,
    facts.sealed!.kind,
    tx.wallMs,
    tx.wallMs,
  );
  return Number(lastInsertRowid);
}
