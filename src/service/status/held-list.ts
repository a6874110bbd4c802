/** Held jobs as commands and pages list them: id, path, reason, and what releases each. Read in pages, never all at once. */

import type { JobId } from '../../../queue/backend.js';
import type { Job, QueueView } from '../../../queue/index.js';
import { suggestion } from '../../base/config/values/nearest.js';
import { CATALOGUE } from '../../base/errors.js';
import { pages } from '../../base/pages.js';
import { remedyOf } from '../../base/remedy.js';
import { safeText } from '../../base/telemetry/safe.js';
import { PAUSED } from '../../ingest/health/pause.js';
import { liesAtOf } from '../../ingest/upkeep/lies-at.js';
import { type ByteName, shownName } from '../../linux/index.js';

const PAGE = 500;

export type HeldJob = ReturnType<typeof toHeldJob>;

/** Each narrows. */
export interface HeldOf {
  feed?: string | undefined;
  code?: string | undefined;
}

export function* heldJobs(view: Pick<QueueView, 'held' | 'feeds' | 'read'>, of: HeldOf): Generator<HeldJob> {
  const liesAt = liesAtOf(view);
  for (const job of heldRows(view, of)) yield toHeldJob(job, liesAt(job));
}

export function* heldRows(view: Pick<QueueView, 'held'>, { feed, code }: HeldOf): Generator<Job> {
  for (const page of pages<Job>((last) => view.held({ feed, code, limit: PAGE, after: last?.id }))) yield* page;
}

export function toHeldJob(job: Job, liesAt: ByteName | undefined) {
  const path = shownName(job.key.toString('latin1') as ByteName);
  const code = job.holdCode ?? '';
  return {
    id: job.id,
    feed: job.feed,
    /** Relative to the input; its bytes too, if it is not UTF-8. */
    path,
    ...(Buffer.from(path, 'utf8').equals(job.key) ? {} : { path_b64: job.key.toString('base64') }),
    stage: job.stage,
    code,
    reason: job.reason ?? '',
    /** The path at which the file lies: in the input, or in the work directory once it was sealed. */
    ...(liesAt !== undefined && { current_path: shownName(liesAt) }),
    /** The remedy. */
    hint: remedyOf(code, job.id, job.feed),
    bytes: job.bytes,
    attempts: job.attempts,
    since: new Date(job.updatedAtMs).toISOString(),
  };
}

/** One paragraph a job: reasons are sentences, and do not fit into columns. The last line says how many there are. */
export function* heldLines(jobs: Iterable<HeldJob>, none: string): Generator<string> {
  let count = 0;
  for (const job of jobs) {
    count++;
    yield safeText(`${job.id}  ${job.path}  (${job.feed}, ${job.stage}, since ${job.since})`);
    yield safeText(`    ${job.code}: ${job.reason}.`);
    if (job.current_path !== undefined) yield safeText(`    It lies at ${job.current_path}.`);
    yield safeText(`    ${job.hint}`);
  }
  yield count > 0 ? `${count} held` : none;
}

export function nothingHeld({ code, feed }: HeldOf): string {
  return safeText(
    `nothing is held${code === undefined ? '' : ` for the reason ${code}`}${feed === undefined ? '' : ` in the feed ${feed}`}`,
  );
}

/** Short transactions for long lists: a writer that locks the state for seconds stops all others. */
const BATCH = 500;

export function* batchesOf(ids: readonly JobId[]): Generator<JobId[]> {
  for (let at = 0; at < ids.length; at += BATCH) yield ids.slice(at, at + BATCH);
}

/** Codes of gates: they hold no file. */
const OF_GATES = [
  'low_space',
  'low_inodes',
  PAUSED,
  'unloadable',
  'no_condition',
  'prefix_taken',
  'bucket_older',
  'marker_gone',
];
const LISTED = Object.keys(CATALOGUE).filter((code) => CATALOGUE[code]!.exit === null && !OF_GATES.includes(code));

/** Why a word is no code of held files, as a clause without its full stop; undefined if it is one. The last error of a held file may be any error of the kernel. */
export function whyNoHoldCode(view: Pick<QueueView, 'heldFor'>, word: string): string | undefined {
  const codes = [...new Set([...LISTED, ...view.heldFor().map(({ code }) => code)])];
  if (codes.includes(word)) return undefined;
  return `${JSON.stringify(word)} is no reason for which a file is held; ${suggestion(word, codes)}the reasons are ${codes.join(', ')}`;
}
