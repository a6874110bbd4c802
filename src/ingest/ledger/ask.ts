/**
 * The question that keeps a content from being ingested twice: is it new, stored, or on its way with another job? It is asked
 * inside the transaction that records the hash.
 */
import type { ClaimedJob, Job, Outcome, Tx } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import { processedOf } from '../chains/recorded-outputs.js';
import { factsOf, type JobFacts, type PutAway, payloadOf, type Sealed } from '../rules/facts.js';
import { type ParsedIdentity, parseIdentity } from '../rules/identity.js';
import { type Content, contentByHash, hasEnded, insertContent, NO_LINE, placeOf, waitToken } from './content.js';
import { nextOfContent, takeNext } from './exceptions.js';
import { replacedOf } from './names.js';
import { forgetPublications } from './publications.js';
import { describe } from './stored.js';

/** The option of a feed that matters for this question. */
export type Asking = Pick<Partial<FeedOptions>, 'sameContentAgainAfterMs'>;

/** `facts` has `sha256` and `sealed`. Returns the outcome of the hash stage. */
export function askLedger(tx: Tx, job: ClaimedJob, facts: JobFacts, feed: Asking = {}): Outcome {
  const sha256 = Buffer.from(facts.sha256!, 'hex');
  // The size is the one at the seal: a writer that was found later may have made the file longer.
  const original = parseIdentity(facts.sealed!.identity)!;
  const bytes = Number(original.size);
  const known = contentByHash(tx, job.feed, sha256);
  const generation = known ? comesAgain(tx, job, known, feed.sameContentAgainAfterMs) : 1;
  if (known && generation === undefined) {
    if (known.state !== 'elsewhere' || !cameLater(tx, job, known)) return { ...ofKnown(tx, job, facts, known), bytes };
    carryFromElsewhere(tx, job, known, facts.sealed!);
    return { kind: 'advance', bytes, payload: payloadOf({ ...facts, content: known.row }) };
  }
  const row = carry(tx, job, facts, { sha256, generation: generation!, original });
  return {
    kind: 'advance',
    bytes,
    payload: payloadOf({ ...facts, content: row }),
  };
}

/** The outcome for a content that is known already and is not ingested again. */
function ofKnown(tx: Tx, job: ClaimedJob, facts: JobFacts, known: Content): Outcome {
  if (known.carrier === job.id && (!hasEnded(known) || goesOn(tx, known))) {
    // Its job may have been lost and made again from the file alone.
    const processed = processedOf(tx, known.row) && { processed: true as const };
    return {
      kind: 'advance',
      payload: payloadOf({ ...facts, content: known.row, ...processed }),
      // The file was read just now, so it has not left the work directory.
      interrupted: false,
    };
  }
  if (hasEnded(known)) return duplicate(tx, facts, known);
  return {
    kind: 'wait',
    on: waitToken(known.row),
    why: `content carried by ${known.carrier}`,
    payload: payloadOf(facts),
  };
}

/**
 * Its line is in the manifest, nobody saw its file at the target, and here it is: a rebuild of a lost state could not look into its
 * mount. It was counted, and may have been given up for the bucket.
 */
function goesOn(tx: Tx, { row, feed, state, target, size }: Content): boolean {
  if (state !== 'unconfirmed' || target === null || replacedOf(tx, { row })) return false;
  tx.run("UPDATE contents SET state = 'manifested' WHERE row = ?", row);
  tx.count(feed, 'move', 'stored', -1, -size);
  forgetPublications(tx, [row]);
  return true;
}

/** A file that is left over from the ingested delivery is never taken for a new one. */
function comesAgain(tx: Tx, job: ClaimedJob, known: Content, againAfterMs: number | undefined): number | undefined {
  if (known.carrier === job.id || known.ingestId === job.id) return undefined;
  const arrival = { arrivedAtMs: job.createdAtMs, againAfterMs, nowMs: tx.wallMs };
  return takeNext(tx, known, nextOfContent(tx, known, arrival));
}

/** The answer of another host serves the files that were here by then. A later one asks for itself. */
const cameLater = (tx: Tx, job: ClaimedJob, { row }: Content): boolean =>
  tx.get('SELECT 1 FROM contents WHERE row = ? AND updated_at_ms < ?', row, job.createdAtMs) !== undefined;

function carryFromElsewhere(tx: Tx, job: ClaimedJob, { row }: Content, sealed: Sealed): void {
  tx.run(
    "UPDATE contents SET state = 'carried', carrier = ?, asked = 0, updated_at_ms = ? WHERE row = ?",
    job.id,
    tx.wallMs,
    row,
  );
  describe(tx, row, job, sealed);
}

/** The decision is written into the row. The next claim puts the file away. */
function duplicate(tx: Tx, facts: JobFacts, of: Content): Outcome {
  const putAway: PutAway = {
    kind: 'duplicate',
    of: placeOf(of),
    ...(of.state === 'pruned' && { note: 'record_pruned' }),
    ...(of.state === 'withdrawn' && { note: 'withdrawn' }),
    ...(of.state === 'elsewhere' && { note: noteElsewhere(tx, of) ?? 'elsewhere' }),
  };
  return { kind: 'defer', inMs: 0, why: 'duplicate', payload: payloadOf({ ...facts, content: of.row, putAway }) };
}

/** The other host's word about its content, `withdrawn` or `elsewhere`; undefined where the job that asked is not remembered. */
export function noteElsewhere(jobs: { job(id: string): Job | undefined }, { carrier }: Content): string | undefined {
  const asked = jobs.job(carrier);
  return asked && factsOf(asked).putAway?.note;
}

function carry(
  tx: Tx,
  job: ClaimedJob,
  facts: JobFacts,
  { sha256, generation, original }: { sha256: Buffer; generation: number; original: ParsedIdentity },
): number {
  return insertContent(tx, {
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
    ...NO_LINE,
  });
}
