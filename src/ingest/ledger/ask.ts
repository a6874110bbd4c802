/**
 * The one question that keeps a content from going in twice, asked inside the transaction that records the hash: is it
 * new, stored, or on its way with another job?
 */
import type { ClaimedJob, Outcome, Tx } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { ByteName } from '../../linux/names.js';
import { processedOf } from '../outputs/recorded.js';
import { type JobFacts, type PutAway, payloadOf } from '../rules/facts.js';
import { type ParsedIdentity, parseIdentity } from '../rules/identity.js';
import { movedNothing } from '../rules/moved.js';
import { type Content, contentByHash, insertContent, placeOf, stageOf, unplan, waitToken } from './content.js';
import { mayComeAgain } from './exceptions.js';

/** What is planned of a content in the transaction that finds it to be new. */
export interface Ahead {
  target: ByteName;
  hour: ByteName;
  /** The ingest instant, wall-clock ms. */
  atMs: number;
  /** False where the target was taken meanwhile: the content stays without a plan. */
  take(tx: Tx, content: Content): boolean;
}

/** What of a feed's options says what becomes of a content. */
export type Asking = Pick<Partial<FeedOptions>, 'sameContentAgainAfterMs' | 'process'>;

/** `facts` has `sha256` and `sealed`. Answers the outcome of the hash stage. */
export function askLedger(tx: Tx, job: ClaimedJob, facts: JobFacts, feed: Asking = {}, ahead?: Ahead): Outcome {
  const sha256 = Buffer.from(facts.sha256!, 'hex');
  // A writer that was met after the seal may have made it longer.
  const original = parseIdentity(facts.sealed!.identity)!;
  const bytes = Number(original.size);
  const known = contentByHash(tx, job.feed, sha256);
  if (!known || comesAgain(tx, job, known, feed.sameContentAgainAfterMs)) {
    const generation = known ? known.generation + 1 : 1;
    const { row, planned } = carry(tx, job, facts, { sha256, generation, original }, ahead);
    const payload = payloadOf({ ...facts, content: row, ...movedNothing(job.claimNo) });
    return {
      kind: 'advance',
      to: feed.process ? 'process' : 'manifest',
      bytes,
      payload,
      ...(planned && { memo: planned }),
    };
  }
  if (known.carrier === job.id && known.state !== 'stored') {
    // Its job may have been lost, and found again by its file alone.
    const processed = processedOf(tx, known.row) && { processed: true as const };
    return {
      kind: 'advance',
      to: stageOf(known.state, feed.process),
      bytes,
      payload: payloadOf({ ...facts, content: known.row, ...processed, ...movedNothing(job.claimNo) }),
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

/** What is left of the drop that was ingested is never taken for another one. */
const comesAgain = (tx: Tx, job: ClaimedJob, known: Content, againAfterMs: number | undefined): boolean =>
  known.state === 'stored' &&
  known.carrier !== job.id &&
  known.ingestId !== job.id &&
  mayComeAgain(tx, known, job.createdAtMs, againAfterMs);

/** The decision goes into the row; the next claim puts the file away. */
function duplicate(facts: JobFacts, of: Content): Outcome {
  const putAway: PutAway = {
    kind: 'duplicate',
    of: placeOf(of),
    ...(of.note === 'pruned' && { note: 'record_pruned' }),
  };
  return { kind: 'defer', inMs: 0, why: 'duplicate', payload: payloadOf({ ...facts, content: of.row, putAway }) };
}

function carry(
  tx: Tx,
  job: ClaimedJob,
  facts: JobFacts,
  { sha256, generation, original }: { sha256: Buffer; generation: number; original: ParsedIdentity },
  ahead: Ahead | undefined,
): { row: number; planned?: Content } {
  const content: Content = {
    row: 0,
    feed: job.feed,
    sha256,
    generation,
    state: 'carried',
    carrier: job.id,
    size: Number(original.size),
    device: String(original.dev),
    inode: String(original.ino),
    mtimeNs: String(original.mtimeNs),
    sourcePath: job.key,
    seal: facts.sealed!.kind,
    target: ahead ? Buffer.from(ahead.target, 'latin1') : null,
    hour: ahead?.hour ?? null,
    ingestId: ahead ? job.id : null,
    ingestedAtMs: ahead?.atMs ?? null,
    note: null,
  };
  const row = insertContent(tx, content);
  content.row = row;
  if (!ahead) return { row };
  if (ahead.take(tx, content)) return { row, planned: content };
  unplan(tx, row);
  return { row };
}
