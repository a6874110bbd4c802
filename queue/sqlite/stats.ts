/**
 * Figures for readers: depths, counters, held jobs. Writes nothing.
 */
import type { Counter, HeldFor, Job, JobId, Reader, StageName, StageStats } from '../backend.js';
import { depths, dueNow } from './depths.js';
import { jobsWhere } from './rows.js';

interface Jobs {
  feed: string;
  stage: StageName;
  jobs: number;
}

const jobsOf = (state: 'claimed' | 'waiting' | 'held') =>
  `SELECT feed, stage, count(*) AS jobs FROM jobs WHERE state = '${state}' GROUP BY stage, feed`;

/** `held`: the counts, if the caller has them. Counting ten thousand held jobs takes as long as everything else. */
export function stats(
  rows: Reader,
  stages: readonly StageName[],
  nowMs: number,
  wallMs: number,
  held: readonly Pick<HeldFor, 'feed' | 'stage' | 'jobs'>[] = rows.all<Jobs>(jobsOf('held')),
): StageStats[] {
  const all = new Map<string, StageStats>();
  const entry = (feed: string, stage: StageName): StageStats => {
    const name = `${feed}\0${stage}`;
    const none = { ready: 0, deferred: 0, claimed: 0, waiting: 0, held: 0, bytes: 0, oldestAgeMs: 0 };
    const known = all.get(name) ?? { feed, stage, ...none };
    all.set(name, known);
    return known;
  };
  for (const { name } of rows.all<{ name: string }>('SELECT name FROM feeds ORDER BY name'))
    for (const stage of stages) entry(name, stage);
  for (const { feed, stage, second, jobs, bytes } of depths(rows)) {
    const to = entry(feed, stage);
    to.ready += jobs;
    to.bytes += bytes;
    to.oldestAgeMs = Math.max(to.oldestAgeMs, wallMs - second * 1000);
  }
  const not = { claimed: rows.all<Jobs>(jobsOf('claimed')), waiting: rows.all<Jobs>(jobsOf('waiting')), held };
  for (const state of ['claimed', 'waiting', 'held'] as const) {
    for (const { feed, stage, jobs } of not[state]) {
      const to = entry(feed, stage);
      to[state] += jobs;
      to.ready -= jobs;
    }
  }
  for (const to of all.values()) {
    // Below 0: a job has left its hold since `held` was counted.
    to.ready = Math.max(0, to.ready);
    if (to.ready === 0) continue;
    to.deferred = to.ready - dueNow(rows, to.feed, to.stage, to.ready, nowMs);
    to.ready -= to.deferred;
  }
  // Compares code units, as SQLite does: loading a collator takes longer than everything above.
  const order = (a: string, b: string) => (a < b ? -1 : Number(a > b));
  return [...all.values()].sort((a, b) => order(a.feed, b.feed) || stages.indexOf(a.stage) - stages.indexOf(b.stage));
}

export function counters(rows: Reader): Counter[] {
  return rows.all<Counter>('SELECT feed, stage, name, files, bytes FROM counters ORDER BY feed, stage, name');
}

export function held(rows: Reader, filter: { feed?: string; code?: string; limit: number; after?: JobId }): Job[] {
  const { feed = null, code = null, limit, after = '' } = filter;
  const rest = `state = 'held' AND id > ? AND feed = coalesce(?, feed) AND hold_code = coalesce(?, hold_code)
    ORDER BY id LIMIT ?`;
  return jobsWhere(rows, rest, after, feed, code, limit);
}

export function jobsByKey(rows: Reader, feed: string, key: Buffer): Job[] {
  return jobsWhere(rows, 'feed = ? AND key = ? ORDER BY seq DESC', feed, key);
}
