/**
 * Figures for readers: depths, counters, held jobs. Writes nothing.
 */
import type { AtStage, Counter, HeldFilter, HeldFor, HeldKey, Job, Reader, StageName, StageStats } from '../backend.js';
import { dueNow } from './depths.js';
import { jobsWhere } from './rows.js';

interface Jobs extends AtStage {
  jobs: number;
}

interface Standing extends Jobs {
  bytes: number;
  oldestSecond: number;
}

/** Summed by SQLite: a backlog that came over eight hours has a hundred thousand rows, which took 150 ms as objects. */
const STANDING = `SELECT feed, stage, sum(jobs) AS jobs, sum(bytes) AS bytes, min(second) AS oldestSecond FROM depths
  GROUP BY feed, stage`;

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
  for (const { feed, stage, oldestSecond, jobs, bytes } of rows.all<Standing>(STANDING)) {
    const to = entry(feed, stage);
    to.ready = jobs;
    to.bytes = bytes;
    to.oldestAgeMs = Math.max(0, wallMs - oldestSecond * 1000);
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

const HELD = `state = 'held' AND id > ? AND feed = coalesce(?, feed) AND hold_code = coalesce(?, hold_code)
    ORDER BY id LIMIT ?`;
const HELD_KEYS = `SELECT id, feed, hold_code AS code, key, updated_ms AS sinceMs FROM jobs WHERE ${HELD}`;

export const held = (rows: Reader, { feed, code, limit, after = '' }: HeldFilter): Job[] =>
  jobsWhere(rows, HELD, after, feed ?? null, code ?? null, limit);

export const heldKeys = (rows: Reader, { feed, code, limit, after = '' }: HeldFilter): HeldKey[] =>
  rows.all<HeldKey>(HELD_KEYS, after, feed ?? null, code ?? null, limit);

export function jobsByKey(rows: Reader, feed: string, key: Buffer): Job[] {
  return jobsWhere(rows, 'feed = +? AND key = +? ORDER BY seq DESC', feed, key);
}
