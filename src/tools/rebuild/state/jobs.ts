/**
 * Creates jobs for files in `underprocess/` whose content the manifests know. Such a file goes on to its line's target, or is put
 * away because the content is stored or was discarded. The reaper creates the jobs for all other files there.
 * Guarantees: only files that were hashed just now are trusted. In doubt a file goes through `hash` again.
 */
import type { Job, Tx } from '../../../../queue/backend.js';
import { factsOf, type JobFacts, type PutAway, payloadOf, type Sealed } from '../../../ingest/rules/facts.js';
import { countedBytes } from '../../../ingest/rules/identity.js';
import { givenUpRow } from './made.js';
import { isSettled, settle } from './progress.js';
import { type SealedFile, withdrawnFiles } from './sealed.js';

export interface Manifested {
  sha256: Buffer;
  /** The row of the content in the ledger. */
  row: number;
  /** The line says that the kernel saw no writer of this job's file, so the file can be moved as it is. */
  mayMove: boolean;
  /** True if its outputs are recorded. */
  isMade: boolean;
}

/** Creates the carrier of a content that has a line and no warehouse file. `own`: its files. */
export function goOnWith(tx: Tx, feed: string, own: SealedFile[], content: Manifested): void {
  const { file, copy } = partsOf(own);
  const made = content.isMade ? { processed: true as const } : {};
  const known: Partial<JobFacts> = { sha256: content.sha256.toString('hex'), content: content.row, ...made };
  if (copy?.sha256.equals(content.sha256)) {
    adopt(tx, feed, copy, 'move', { ...known, sealed: copied(file, copy, content.sha256) });
  } else if (file && content.mayMove) {
    // If the bytes differ from the line's no identity fits, and the job is held as `changed_after_hash`.
    const identity = file.sha256.equals(content.sha256) ? file.identity : '';
    adopt(tx, feed, file, 'move', { ...known, sealed: { identity, kind: 'lease' } });
  } else if (file) {
    adopt(tx, feed, file, 'hash', made);
  }
}

/** Its file was not seen: its stage looks at it when it can, and says why it waits until then. */
export function goOnUnseen(tx: Tx, id: string, content: number, isMade: boolean): void {
  const job = tx.job(id)!;
  const facts = { ...factsOf(job), content, sha256: undefined, ...(isMade && { processed: true as const }) };
  goOnAt(tx, job, facts.sealed ? 'hash' : 'verify-complete', facts);
}

/** Puts away the remaining files of a job whose warehouse file exists. */
export function putAwayWhatIsStored(tx: Tx, feed: string, own: SealedFile[], sha256: Buffer, row: number): void {
  const { file, copy } = partsOf(own);
  const any = (file ?? copy)!;
  // If the bytes differ from the stored ones no identity fits, and the job is held as `changed_after_copy`.
  const identity = !file || file.sha256.equals(sha256) ? any.identity : copyIdentity(copy);
  adopt(tx, feed, any, 'move', {
    sha256: sha256.toString('hex'),
    content: row,
    sealed: { identity, kind: copy ? 'copy' : 'lease' },
    putAway: { kind: 'stored' },
  });
}

/** Files whose lines were taken back: an operator discarded them, and their move to `failed/` was interrupted. */
export function discardWithdrawn(tx: Tx, feed: string, max: number): number {
  const left = withdrawnFiles(tx, feed, max);
  const putAway: PutAway = { kind: 'discarded' };
  for (const file of left) {
    const content = givenUpRow(tx, file.job);
    const outputs = content === undefined ? {} : { content };
    adopt(tx, feed, file, 'hash', { sealed: { identity: file.identity, kind: 'lease' }, putAway, ...outputs });
  }
  return left.length;
}

const partsOf = (own: SealedFile[]): { file: SealedFile | undefined; copy: SealedFile | undefined } => ({
  file: own.find(({ part }) => part === 'file'),
  copy: own.find(({ part }) => part === 'copy'),
});

/** The original is removed at the end only if it still has the copied identity. */
const copied = (file: SealedFile | undefined, copy: SealedFile, sha256: Buffer): Sealed => ({
  identity: file?.sha256.equals(sha256) ? file.identity : copyIdentity(copy),
  kind: 'copy',
  copied: true,
});

const copyIdentity = (copy: SealedFile | undefined): string => copy?.identity ?? '';

/** Ends a job of the older state, and its remaining files with it. Returns false if there is no such job. */
export function endJob(tx: Tx, id: string, sha256: Buffer, content: number, bytes: number): boolean {
  const job = tx.job(id);
  if (!job || job.state === 'done' || factsOf(job).putAway || isSettled(tx, id)) return false;
  const known = { sha256: sha256.toString('hex'), content };
  // The file may have grown before it was sealed.
  decide(tx, { ...job, bytes }, { ...factsOf(job), ...known, putAway: { kind: 'stored' } });
  return true;
}

/**
 * The disk shows that this job of the older state has ended. Its file was sealed since, so what lies in the input is not its own.
 * Its remaining files are put away at the next start.
 */
export const decide = (tx: Tx, job: Job, facts: JobFacts): void =>
  goOnAt(tx, job, 'move', { ...facts, seen: undefined });

/** A job of the older state that the disk is ahead of. */
export function goOnAt(tx: Tx, job: Job, stage: 'verify-complete' | 'hash' | 'move', facts: JobFacts): void {
  const { id, feed, key, identity, bytes } = job;
  settle(tx, id);
  tx.adopt({ id, feed, key, identity, bytes, stage, payload: payloadOf(facts), overrule: true });
}

/** A job whose file was found. The file decides how it goes on, also against an older row. */
export function adopt(tx: Tx, feed: string, found: SealedFile, stage: 'hash' | 'move', facts: Partial<JobFacts>): void {
  if (isSettled(tx, found.job)) return;
  settle(tx, found.job);
  const base = JSON.parse(found.facts) as JobFacts;
  const sealed = { ...(facts.sealed ?? base.sealed!), ...(base.sealed!.sidecar && { sidecar: true }) };
  tx.adopt({
    id: found.job,
    feed,
    key: found.key,
    identity: found.identity,
    bytes: countedBytes(found.size),
    stage,
    overrule: true,
    payload: payloadOf({ ...base, ...facts, sealed }),
  });
}
