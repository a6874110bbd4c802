/** Feeds that have not delivered what is expected of them by now. */
import type { QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { type Expectation, shownExpectation } from '../../base/config/values/expect.js';
import { type Finding, iso } from '../../ingest/health/finding.js';
import { type Arrival, arrivalsOf } from '../../ingest/ledger/arrivals.js';
import { deadlineAfter } from './deadline.js';

type Expecting = Pick<FeedOptions, 'name' | 'input' | 'timezone' | 'expect'>;

export function lateFindings(view: Pick<QueueView, 'feeds' | 'read' | 'isAlive'>, nowMs = Date.now()): Finding[] {
  const feeds = view.feeds().map(({ options }) => options as unknown as Expecting);
  return feeds.flatMap((feed) => {
    const { expect = [] } = feed;
    // A feed that was taken out of the configuration still stands in the state.
    const arrivals = expect.length === 0 ? [] : arrivalsOf(view, feed.name).filter(({ owner }) => view.isAlive(owner));
    return expect.flatMap((expected) => {
      const arrival = arrivals.find(({ glob }) => glob === expected.glob);
      return (arrival && lateness(feed, expected, arrival, nowMs)) ?? [];
    });
  });
}

function lateness(
  { name: feed, input, timezone }: Expecting,
  expected: Expectation,
  { sinceMs, arrivedMs }: Arrival,
  nowMs: number,
): Finding | undefined {
  const what = shownExpectation(expected);
  const dueMs = dueOf(expected, what, timezone, arrivedMs ?? sinceMs, arrivedMs !== null);
  if (nowMs < dueMs) return undefined;
  const last = arrivedMs === null ? 'None has come yet' : `The last one came at ${iso(arrivedMs)}`;
  return {
    ...{ code: 'late_feed', severity: 'stuck', feed, stage: '*', what, files: 0 },
    sentence: `${feed} is late: ${what} (${timezone}) was due at ${iso(dueMs)}. ${last}.`,
    release: `ask who delivers to ${input}; what lies there, ingest-ctl explain tells why it is not in yet`,
    since: iso(dueMs),
  };
}

/** The same until something arrives, and a calendar is slow: of as many as a state may have, once each second. */
const known = new Map<string, number>();
const KNOWN_MAX = 10_000;

function dueOf(expected: Expectation, what: string, timezone: string, lastMs: number, isArrival: boolean): number {
  const key = [what, timezone, lastMs, isArrival].join('\0');
  const dueMs = known.get(key) ?? deadlineAfter(expected, timezone, lastMs, isArrival);
  if (known.size >= KNOWN_MAX) known.clear();
  known.set(key, dueMs);
  return dueMs;
}
