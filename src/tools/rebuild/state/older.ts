/**
 * Adjusts the rows of an older state to the disk: before the lines are read (contents that were discarded since), and after (jobs
 * without a line; contents.ts does their contents). docs/decisions has the rule for each table.
 * Guarantees: rows that the disk does not contradict stay. A contradicted job goes through `hash` again, where the ledger decides,
 * or ends as the files show.
 */
import type { Backend, Job, Tx } from '../../../../queue/backend.js';
import { PUBLISH } from '../../../base/config/values/stage-names.js';
import { DUPLICATES, FAILED, type Part } from '../../../files/job-paths.js';
import { type FeedFiles, statEntry } from '../../../ingest/files/feed-files.js';
import {
  type Content,
  contentByHash,
  contentByRow,
  hasEnded,
  placeOf,
  UNDER_WAY,
} from '../../../ingest/ledger/content.js';
import { forgetNames } from '../../../ingest/ledger/names.js';
import { factsOf, type JobFacts, workKeyOf } from '../../../ingest/rules/facts.js';
import { openJobs } from '../../../ingest/upkeep/open-jobs.js';
import type { ByteName } from '../../../linux/index.js';
import { adopt, decide, goOnAt, goOnWith, type Manifested } from './jobs.js';
import { isSettled, settle } from './progress.js';
import { followSealed, type SealedFile, sealedOf } from './sealed.js';

export const noOlderJobs = () => ({
  /** Jobs that stay as they were: ready, waiting, held. */
  kept: 0,
  held: 0,
  /** Jobs whose files went on after the backup. */
  movedOn: 0,
  /** Jobs that have ended since: stored, duplicate, discarded. */
  ended: 0,
});
export type OlderJobs = ReturnType<typeof noOlderJobs>;

/** Enters discarded contents before any line is read. Corrections that are on disk are not owed any more. */
export function forgetGivenUp(tx: Tx, feed: string): void {
  const withdrawn = 'SELECT job FROM rebuild_withdrawn WHERE feed = ?';
  // The correction of an heir is about the line of the job before it.
  tx.run(`DELETE FROM corrections WHERE line ->> '$.by' IS NULL AND line ->> '$.ingest_id' IN (${withdrawn})`, feed);
  tx.run(
    `DELETE FROM corrections WHERE job IN (SELECT j.id FROM all_jobs j JOIN contents c ON c.row = j.payload ->> '$.content'
       WHERE j.feed = ? AND j.payload ->> '$.putAway.kind' = 'withdrawn'
         AND c.ingest_id IN (SELECT ingest_id FROM rebuild_taken_out WHERE feed = j.feed))`,
    feed,
  );
  const givenUp = `feed = ? AND ${UNDER_WAY} AND coalesce(ingest_id, carrier) IN (${withdrawn})`;
  const rows = tx.all<{ row: number }>(`DELETE FROM contents WHERE ${givenUp} RETURNING row`, feed, feed);
  // A job that is made from its file puts away what the line names, and knows no row.
  forgetNames(
    tx,
    rows.map(({ row }) => row),
  );
  const discarded = tx.all<{ id: string }>(
    "SELECT id FROM all_jobs WHERE feed = ? AND state <> 'done' AND payload ->> '$.putAway.kind' = 'discarded'",
    feed,
  );
  for (const { id } of discarded) {
    settle(tx, id);
    // Its line still needs a correction, unless a twin has inherited the line.
    if (!tx.get(`SELECT 1 FROM contents WHERE feed = ? AND ingest_id = ? AND ${UNDER_WAY}`, feed, id))
      tx.run('INSERT OR IGNORE INTO rebuild_withdrawn VALUES (?, ?)', feed, id);
    tx.run(
      "INSERT OR IGNORE INTO rebuild_withdrawn SELECT ?, line ->> '$.ingest_id' FROM corrections WHERE job = ? AND line ->> '$.by' IS NULL",
      ...[feed, id],
    );
  }
}

/** Checks each job without a line, when all lines are read. */
export async function settleJobs(backend: Backend, feed: string, files: FeedFiles): Promise<OlderJobs> {
  const sum = noOlderJobs();
  for (const page of openJobs(backend, feed)) {
    // The disk is read before the transaction.
    const found = page.map(({ id }) => ({ id, lies: whereItLies(backend.job(id)!, files) }));
    await backend.transact((tx) => {
      for (const { id, lies } of found) sum[settleOne(tx, feed, tx.job(id)!, lies)]++;
    });
    sum.held += page.filter(({ id }) => backend.job(id)?.state === 'held').length;
  }
  return sum;
}

/** The place in which a file of the job was found. `out of reach`: in a mount that is missing. */
type Lies = 'input' | 'underprocess' | 'duplicates' | 'failed' | 'nowhere' | 'out of reach';

function whereItLies(job: Job, files: FeedFiles): Lies {
  if (isOutOfReach(job, files)) return 'out of reach';
  const key = workKeyOf(job);
  if (!files.canHold(key)) return 'input'; // no other place could hold it
  const lies = (part: Part, folder?: ByteName) => statEntry(files.workEntry(key, part, folder)) !== undefined;
  if (lies('file') || lies('copy')) return 'underprocess';
  if (lies('file', DUPLICATES)) return 'duplicates';
  if (lies('file', FAILED)) return 'failed';
  return statEntry(files.entryOrNone(files.input, key.path)) ? 'input' : 'nowhere';
}

/** Its mount is missing. */
function isOutOfReach(job: Job, files: FeedFiles): boolean {
  const { inside } = workKeyOf(job);
  return inside !== '' && !files.hasWork(inside);
}

/** A job of the older state is on the way with a file that this rebuild could not look at: it says nothing of what became of it. */
export function isUnseen(backend: Backend, feed: string, id: string, files: FeedFiles): boolean {
  const job = backend.job(id);
  if (!job || job.state === 'done' || job.feed !== feed || factsOf(job).putAway) return false;
  if (backend.read((reader) => sealedOf(reader, feed, id)).length > 0) return false;
  return ['out of reach', 'underprocess'].includes(whereItLies(job, files));
}

function settleOne(tx: Tx, feed: string, job: Job, lies: Lies): Exclude<keyof OlderJobs, 'held'> {
  const facts = factsOf(job);
  if (isSettled(tx, job.id)) return facts.putAway ? 'ended' : 'movedOn';
  const own = sealedOf(tx, feed, job.id);
  followSealed(tx, job, facts, own);
  if (facts.putAway || lies === 'out of reach') return 'kept';
  if (lies === 'underprocess') {
    if (own.length > 0 && isAsItWas(tx, job, facts, own)) return 'kept';
    const line = lineOf(tx, job, facts);
    if (line && own.length > 0) goOnWith(tx, feed, own, line);
    // A file that could not be read goes to `hash` as well, which reports why.
    else if (own.length > 0) adopt(tx, feed, own.find(({ part }) => part === 'file') ?? own[0]!, 'hash', {});
    else if (facts.content !== undefined)
      goOnAt(tx, job, 'hash', { ...facts, content: ownContent(tx, job, facts)?.row });
    else return 'kept';
    return 'movedOn';
  }
  return withoutFile(tx, feed, job, facts, lies);
}

/** Whether the file is the one in the row, and the content is still its own. */
function isAsItWas(tx: Tx, job: Job, facts: JobFacts, own: readonly SealedFile[]): boolean {
  if (!facts.sealed) return false;
  const copied = facts.sealed.kind === 'copy' && facts.sealed.copied;
  const lies = own.find(({ part }) => part === (copied ? 'copy' : 'file'));
  // Seen by `move` already, which cannot see each change.
  if (lies && job.holdCode === 'changed_after_hash' && lineOf(tx, job, facts)) return true;
  if (facts.sha256 !== undefined && lies?.sha256.toString('hex') !== facts.sha256) return false;
  return facts.content === undefined || ownContent(tx, job, facts) !== undefined;
}

/** The content that the job carries. */
function ownContent(tx: Tx, job: Job, { content: row }: JobFacts): Content | undefined {
  const content = row === undefined ? undefined : contentByRow(tx, row);
  return content?.carrier === job.id && !hasEnded(content) ? content : undefined;
}

/** The content of which the job has the line. */
function lineOf(tx: Tx, job: Job, facts: JobFacts): Manifested | undefined {
  const content = ownContent(tx, job, facts);
  if (content?.state !== 'manifested') return undefined;
  const mayMove = facts.sealed?.kind === 'lease';
  return { sha256: content.sha256, row: content.row, mayMove, isMade: facts.processed === true };
}

function withoutFile(tx: Tx, feed: string, job: Job, facts: JobFacts, lies: Lies): 'kept' | 'movedOn' | 'ended' {
  const isWithdrawn = tx.get('SELECT 1 FROM rebuild_withdrawn WHERE feed = ? AND job = ?', feed, job.id) !== undefined;
  if (isWithdrawn || lies === 'failed') {
    decide(tx, job, { ...facts, putAway: { kind: 'discarded' } });
    return 'ended';
  }
  const content = facts.sha256 === undefined ? undefined : contentByHash(tx, feed, Buffer.from(facts.sha256, 'hex'));
  // With --on-duplicate delete nothing is left of a duplicate.
  const isKnown = content !== undefined && hasEnded(content);
  // It waits for the bucket. A round gives its content to a job again, where this one passes it by.
  const own = facts.content === undefined ? undefined : contentByRow(tx, facts.content);
  if (job.stage === PUBLISH && own?.carrier === job.id && hasEnded(own)) return 'kept';
  if (lies === 'duplicates' || (facts.sealed && isKnown)) {
    const of = isKnown ? placeOf(content) : '';
    decide(tx, job, { ...facts, ...(content && { content: content.row }), putAway: { kind: 'duplicate', of } });
    return 'ended';
  }
  // It may have waited a day for its sidecar: verify-complete sees now that it went on without this job.
  if (job.stage === 'verify-complete' && job.state === 'ready' && lies === 'nowhere') {
    goOnAt(tx, job, 'verify-complete', facts);
    return 'movedOn';
  }
  // Not sealed: verify-complete checks the input. On the way to the warehouse: `move` checks there.
  if (!facts.sealed || (job.stage === 'move' && content?.carrier === job.id) || job.stage === 'hash') return 'kept';
  if (job.state === 'waiting') return 'kept';
  // A missing file never gets a line: `hash` misses it, and the job is held.
  goOnAt(tx, job, 'hash', { ...facts, content: undefined });
  return 'movedOn';
}
