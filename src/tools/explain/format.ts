/** Formats the findings of `explain` as text for people and as JSON for programs. */
import type { Job, Json } from '../../../queue/backend.js';
import { factsOf } from '../../ingest/rules/facts.js';
import type { OneContent } from './elsewhere.js';
import type { Found } from './find.js';
import { historyOf, type Verdict } from './words.js';

export interface Part extends Verdict {
  title: string;
  job?: Job;
  /** The path of a held file. */
  liesAt?: string;
  /** Its SHA-256 is known. */
  content?: OneContent;
}

export function asText({ title, sentences, release, job }: Part): string {
  const lines = [title, ...sentences.map((sentence) => `  ${sentence}`)];
  if (release !== undefined) lines.push(`  What releases it: ${release}`);
  if (job) {
    const tried = [
      ...(job.attempts > 0 ? [`${job.attempts} failed ${job.attempts === 1 ? 'attempt' : 'attempts'}`] : []),
      ...(job.crashes > 0
        ? [`its process died while working on it ${job.crashes === 1 ? 'once' : `${job.crashes} times`}`]
        : []),
    ];
    if (tried.length > 0) lines.push(`  Tries: ${tried.join(', ')}`);
    lines.push('  History:', ...historyOf(job).map((line) => `    ${line}`));
  }
  return lines.join('\n');
}

export function asJson(
  { feed, key }: { feed: Pick<Found['feed'], 'name'>; key: Buffer },
  { verdict: word, sentences, release, job, liesAt }: Part,
): Json {
  const path = key.toString('utf8');
  const exact = Buffer.from(path, 'utf8').equals(key);
  return {
    verdict: word,
    sentences,
    release,
    feed: feed.name,
    path,
    ...(!exact && { path_b64: key.toString('base64') }),
    ...(liesAt !== undefined && { current_path: liesAt }),
    ...(job && { job: jobJson(job) }),
  };
}

function jobJson(job: Job): Json {
  const facts = factsOf(job);
  const { id, stage, state, attempts, crashes, bytes: size, holdCode, reason, ending } = job;
  return {
    id,
    stage,
    state,
    attempts,
    crashes,
    bytes: size,
    code: holdCode,
    reason,
    ending,
    sha256: facts.sha256,
    created_at: iso(job.createdAtMs),
    updated_at: iso(job.updatedAtMs),
    trail: job.trail.map(({ firstAtMs, lastAtMs, ...entry }) => ({
      ...entry,
      first_at: iso(firstAtMs),
      last_at: iso(lastAtMs),
    })),
  };
}

/** Times for programs, in the format of the other commands and the HTTP API. */
const iso = (ms: number): string => new Date(ms).toISOString();
