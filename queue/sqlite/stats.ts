/**
 * What readers see: depths, counters, held jobs. Reads views and covering indexes; writes nothing.
 */
import type { Counter, Job, JobId, Reader, StageName, StageStats } from '../backend.js';
import { jobsWhere } from './rows.js';

interface Depth {
  feed: string;
  stage: StageName;
  jobs: number;
  deferred: number;
  bytes: number;
  first: number;
}

/** `seq` grows with time, so the smallest is the oldest. */
const depthOf = (
  view: string,
) => `SELECT feed, stage, count(*) AS jobs, sum(due_ms > ?) AS deferred, sum(bytes) AS bytes, min(seq) AS first
  FROM ${view} GROUP BY stage, feed`;

export function stats(rows: Reader, stages: readonly StageName[], nowMs: number, wallMs: number): StageStats[] {
  const all = new Map<string, StageStats & { first: number }>();
  const entry = (feed: string, stage: StageName) => {
    const name = `${feed}\0${stage}`;
    let known = all.get(name);
    if (!known) {
      known = {
        feed,
        stage,
        ready: 0,
        deferred: 0,
        claimed: 0,
        waiting: 0,
        held: 0,
        bytes: 0,
        oldestAgeMs: 0,
        first: Number.POSITIVE_INFINITY,
      };
      all.set(name, known);
    }
    return known;
  };
  for (const { name } of rows.all<{ name: string }>('SELECT name FROM feeds ORDER BY name'))
    for (const stage of stages) entry(name, stage);

  const add = (view: string, put: (to: StageStats, depth: Depth) => void) => {
    for (const depth of rows.all<Depth>(depthOf(view), nowMs)) {
      const to = entry(depth.feed, depth.stage);
      put(to, depth);
      to.bytes += depth.bytes;
      to.first = Math.min(to.first, depth.first);
    }
  };
  add('ready_jobs', (to, depth) => {
    to.ready = depth.jobs - depth.deferred;
    to.deferred = depth.deferred;
  });
  add('claimed_jobs', (to, { jobs }) => (to.claimed = jobs));
  add('waiting_jobs', (to, { jobs }) => (to.waiting = jobs));
  add('held_jobs', (to, { jobs }) => (to.held = jobs));

  const inOrder = [...all.values()].sort(
    (a, b) => a.feed.localeCompare(b.feed) || stages.indexOf(a.stage) - stages.indexOf(b.stage),
  );
  return inOrder.map(({ first, ...stats }) => {
    const created = rows.get<{ created_ms: number }>(
      'SELECT created_ms FROM jobs WHERE seq = ?',
      Number.isFinite(first) ? first : -1,
    );
    return { ...stats, oldestAgeMs: created ? Math.max(0, wallMs - created.created_ms) : 0 };
  });
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
