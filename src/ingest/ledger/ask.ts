/**
 * The question that keeps a content from being ingested twice: is it new, stored, or on its way with another job? It is asked
 * inside the transaction that records the hash.
 */
import type { ClaimedJob, Outcome, Tx } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { ByteName } from '../../linux/names.js';
import { noteClaim, type Says } from '../outbox/claims.js';
import { noteOwner } from '../outbox/outbox.js';
import { processedOf } from '../outputs/recorded.js';
import { type JobFacts, type PutAway, payloadOf } from '../rules/facts.js';
import { type ParsedIdentity, parseIdentity } from '../rules/identity.js';
import { movedNothing } from '../rules/moved.js';
import { type Content, contentByHash, insertContent, placeOf, stageOf, unplan, waitToken } from './content.js';
import { mayComeAgain } from './exceptions.js';

/** The plan of target and line for a content, made in the transaction that finds it to be new. */
export interface Ahead {
  target: ByteName;
  hour: ByteName;
  /** The ingest instant, wall-clock ms. */
  atMs: number;
  /** Returns false where another content took the target meanwhile: this content stays without a plan. */
  take(tx: Tx, content: Content): boolean;
}

/** The options of a feed that matter for this question. */
export type Asking = Pick<Partial<FeedOptions>, 'sameContentAgainAfterMs' | 'process'>;

/** `facts` has `sha256` and `sealed`. `says`: only where hosts share a ledger. Returns the outcome of the hash stage. */
export function askLedger(
  tx: Tx,
  job: ClaimedJob,
  facts: JobFacts,
  feed: Asking = {},
  { ahead, says }: { ahead?: Ahead | undefined; says?: Says | undefined } = {},
): Outcome {
  const sha256 = Buffer.from(facts.sha256!, 'hex');
  // The size is the one at the seal: a writer that was found later may have made the file longer.
  const original = parseIdentity(facts.sealed!.identity)!;
  const bytes = Number(original.size);
  const known = contentByHash(tx, job.feed, sha256);
  const elsewhere = says && bySharedLedger(facts, known, says);
  if (elsewhere) return { ...elsewhere, bytes };
  const generation = nextGeneration(tx, job, known, feed, says);
  if (generation !== undefined) {
    const { row, planned } = carry(tx, job, facts, { sha256, generation, original }, ahead);
    if (says?.kind === 'mine') noteClaim(tx, row, says.claim);
    const payload = payloadOf({ ...facts, content: row, ...movedNothing(job.claimNo) });
    return {
      kind: 'advance',
      to: feed.process ? 'process' : 'manifest',
      bytes,
      payload,
      ...(planned && { memo: planned }),
    };
  }
  // The shared ledger lost what this host had sent, or never got it.
  if (says?.kind === 'mine' && says.generation === known!.generation) noteOwner(tx, known!, says.claim);
  return { ...ofKnown(tx, job, facts, feed, known!), bytes };
}

/** The new generation of the content; undefined if the known one stays. */
function nextGeneration(
  tx: Tx,
  job: ClaimedJob,
  known: Content | undefined,
  feed: Asking,
  says: Says | undefined,
): number | undefined {
  if (says) return says.kind === 'mine' && (known?.generation ?? 0) < says.generation ? says.generation : undefined;
  if (!known) return 1;
  return comesAgain(tx, job, known, feed.sameContentAgainAfterMs) ? known.generation + 1 : undefined;
}

/** The outcome for a content that is known already and is not ingested again. */
function ofKnown(tx: Tx, job: ClaimedJob, facts: JobFacts, feed: Asking, known: Content): Outcome {
  if (known.carrier === job.id && known.state !== 'stored') {
    // Its job may have been lost and made again from the file alone.
    const processed = processedOf(tx, known.row) && { processed: true as const };
    return {
      kind: 'advance',
      to: stageOf(known.state, feed.process),
      payload: payloadOf({ ...facts, content: known.row, ...processed, ...movedNothing(job.claimNo) }),
    };
  }
  if (known.state === 'stored') return duplicate(facts, known);
  return {
    kind: 'wait',
    on: waitToken(known.row),
    why: `content carried by ${known.carrier}`,
    payload: payloadOf(facts),
  };
}

/** The reason of a file that waits for another host. */
export const ELSEWHERE = 'content carried by host';

/** The delay before the question is asked again: an immediate answer would be the same. */
const ASKED_AGAIN_MS = 1_000;
const ASKED_AGAIN_MAX_MS = 60_000;

/** The outcome where another host has the content, or this host by a claim that its ledger does not know. The local ledger counts first. */
function bySharedLedger(facts: JobFacts, known: Content | undefined, says: Says): Outcome | undefined {
  if (known && (known.generation >= says.generation || known.state !== 'stored')) return undefined;
  if (says.kind === 'mine') return undefined;
  if (says.kind === 'stored') {
    const putAway: PutAway = { kind: 'duplicate', of: says.target, host: says.host };
    return { kind: 'defer', inMs: 0, why: 'duplicate', payload: payloadOf({ ...facts, putAway }) };
  }
  if (says.kind === 'own')
    return { kind: 'defer', inMs: ASKED_AGAIN_MS, why: 'content is being asked for', payload: payloadOf(facts) };
  const times = facts.elsewhere ?? 0;
  const held = says.held === null ? '' : `, held there since ${says.heldSince}: ${says.held}`;
  return {
    kind: 'defer',
    inMs: Math.min(ASKED_AGAIN_MS * 2 ** Math.min(times, 10), ASKED_AGAIN_MAX_MS),
    why: `${ELSEWHERE} ${says.host}${held}`,
    payload: payloadOf({ ...facts, elsewhere: times + 1 }),
  };
}

/** A file that is left over from the ingested delivery is never taken for a new one. */
const comesAgain = (tx: Tx, job: ClaimedJob, known: Content, againAfterMs: number | undefined): boolean =>
  known.state === 'stored' &&
  known.carrier !== job.id &&
  known.ingestId !== job.id &&
  mayComeAgain(tx, known, job.createdAtMs, againAfterMs);

/** The decision is written into the row. The next claim puts the file away. */
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
