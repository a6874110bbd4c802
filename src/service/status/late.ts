/** Feeds whose expected files have not arrived in time. */
import type { QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { type Expectation, shownExpectation } from '../../base/config/values/expect.js';
import { typed } from '../../base/shell.js';
import { type Finding, files, iso } from '../../ingest/health/finding.js';
import { type Arrival, arrivalsOf } from '../../ingest/ledger/arrivals.js';
import { nameOfBytes } from '../../linux/index.js';
import { matcherOf } from '../../watcher/options/globs.js';
import { deadlineAfter } from './deadline.js';

type View = Pick<QueueView, 'feeds' | 'read' | 'isAlive'>;
type Expecting = Pick<FeedOptions, 'name' | 'input' | 'timezone' | 'expect'>;

export function lateFindings(view: View, nowMs = Date.now()): Finding[] {
  const feeds = view.feeds().map(({ options }) => options as unknown as Expecting);
  return feeds.flatMap((feed) => {
    const { expect = [] } = feed;
    // The state still has a feed that was removed from the configuration.
    const arrivals = expect.length === 0 ? [] : arrivalsOf(view, feed.name).filter(({ owner }) => view.isAlive(owner));
    return expect.flatMap((expected) => {
      const arrival = arrivals.find(({ glob }) => glob === expected.glob);
      return (arrival && lateness(view, feed, expected, arrival, nowMs)) ?? [];
    });
  });
}

function lateness(
  view: View,
  { name: feed, input, timezone }: Expecting,
  expected: Expectation,
  { sinceMs, arrivedMs }: Arrival,
  nowMs: number,
): Finding | undefined {
  const what = shownExpectation(expected);
  const dueMs = dueOf(expected, what, timezone, arrivedMs ?? sinceMs, arrivedMs !== null);
  if (nowMs < dueMs) return undefined;
  const last = arrivedMs === null ? 'None has come yet' : `The last one came at ${iso(arrivedMs)}`;
  const lonely = withoutSidecar(view, feed, expected.glob);
  const only = lonely === 0 ? '' : ` ${files(lonely, ['is', 'are'])} there, and only the sidecar is missing.`;
  return {
    code: 'late_feed',
    severity: 'stuck',
    feed,
    stage: '*',
    what,
    files: 0,
    sentence: `${feed} is late: ${what} (${timezone}) was due at ${iso(dueMs)}. ${last}.${only}`,
    release: `ask the uploader of ${input}; ${typed('ingest-ctl explain PATH')} says why a file that lies there is not stored yet`,
    since: iso(dueMs),
  };
}

/** The index by reason finds them. */
const WITHOUT_SIDECAR = `SELECT key FROM all_jobs WHERE state = 'ready' AND reason = 'no_sidecar' AND feed = ? LIMIT 10000`;

function withoutSidecar(view: View, feed: string, glob: string): number {
  const keys = view.read((rows) => rows.all<{ key: Buffer }>(WITHOUT_SIDECAR, feed));
  const isExpected = matcherOf([glob])!;
  return keys.filter(({ key }) => isExpected(nameOfBytes(key))).length;
}

/** The result is the same until a file arrives, and a calendar is slow: a state may have many feeds, each read once a second. */
const known = new Map<string, number>();
const KNOWN_MAX = 10_000;

function dueOf(expected: Expectation, what: string, timezone: string, lastMs: number, isArrival: boolean): number {
  const key = [what, timezone, lastMs, isArrival].join('\0');
  const dueMs = known.get(key) ?? deadlineAfter(expected, timezone, lastMs, isArrival);
  if (known.size >= KNOWN_MAX) known.clear();
  known.set(key, dueMs);
  return dueMs;
}
