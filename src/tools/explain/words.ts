/** Formats times, paths and histories for `explain`. Names are escaped, because a file name may contain anything. */
import type { Job, TrailEntry } from '../../../queue/index.js';
import { safeText, shownBytes, shownSeconds } from '../../base/telemetry/safe.js';
import { factsOf, type JobFacts } from '../../ingest/rules/facts.js';
import { type ByteName, shownName } from '../../linux/index.js';

export interface Verdict {
  /** One word for programs. */
  verdict: string;
  sentences: string[];
  /** The remedy, if something has to happen. */
  release?: string;
  /** Nothing is known of such a file: what a rule would say of it. */
  isSupposed?: true;
}

export const verdict = (word: string, sentences: string | string[], release?: string): Verdict => ({
  verdict: word,
  sentences: [sentences].flat(),
  ...(release !== undefined && { release }),
});

export const shown = (name: ByteName | Buffer | string): string =>
  safeText(typeof name === 'string' ? shownName(name as ByteName) : name.toString('utf8'));

/** Times in UTC, as in the manifests, with the zone named. */
export const at = (ms: number): string =>
  new Date(ms)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC');

export const inTime = (ms: number): string => (ms <= 0 ? 'now' : `in ${shownSeconds(ms / 1_000)}`);
export const seconds = (ms: number): string => shownSeconds(ms / 1_000);
export const bytes = shownBytes;

export function historyOf(job: Job): string[] {
  const first = `${at(job.createdAtMs)}  ${origin(factsOf(job))}`;
  return [first, ...job.trail.map(entryText)];
}

/** How the job began. A file of a lost state has no boot in which it was seen. */
function origin({ putAway, seen }: JobFacts): string {
  if (putAway?.kind === 'withdrawn') return `withdrawn by ${safeText(putAway.by ?? 'an operator')}`;
  return seen?.boot === '' ? 'found in underprocess/' : 'found in the input';
}

/** The end of a file is decided, and its other files are put away next: no delay, as the queue's word says. */
const DECIDED = ['stored', 'duplicate'];

function entryText({ stage, outcome, why, firstAtMs, lastAtMs, count }: TrailEntry): string {
  if (outcome === 'folded') return `${at(firstAtMs)}  … ${count} steps, until ${at(lastAtMs)}`;
  const isEnd = outcome === 'defer' && why !== undefined && DECIDED.includes(why);
  const what = `${at(firstAtMs)}  ${stage}: ${isEnd ? 'decided' : outcome}${why === undefined ? '' : ` (${safeText(why)})`}`;
  return count === 1 ? what : `${what}, ${count} times until ${at(lastAtMs)}`;
}
