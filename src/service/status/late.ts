/**
 * Feeds whose expected files have not arrived in time: by the moment that the expectation names, in a time zone with its changes to
 * summer time.
 * Guarantees: a time of day that is skipped counts as if the clock had not been put forward. If it occurs twice, the first one
 * counts (RFC 5545, 3.3.5).
 */
import type { QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { type Daily, type Expectation, shownExpectation } from '../../base/config/values/expect.js';
import { localTime } from '../../base/local-time.js';
import { typed } from '../../base/shell.js';
import { type Finding, files, finding, iso } from '../../ingest/health/finding.js';
import { type Arrival, arrivalsOf } from '../../ingest/ledger/arrivals.js';
import { nameOfBytes } from '../../linux/index.js';
import { matcherOf } from '../../watcher/options/globs.js';

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
  return finding('stuck', 'late_feed', {
    feed,
    what,
    sentence: `${feed} is late: ${what} (${timezone}) was due at ${iso(dueMs)}. ${last}.${only}`,
    release: `ask the uploader of ${input}; ${typed('ingest-ctl explain PATH')} says why a file that lies there is not stored yet`,
    since: iso(dueMs),
  });
}

/** The index by reason finds them. */
const WITHOUT_SIDECAR = `SELECT key FROM all_jobs
  WHERE why = 'no_sidecar' AND feed = ? AND state = 'ready' AND reason IS NOT NULL LIMIT 10000`;

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

const DAY_MS = 86_400_000;
/** The seven days of a week, one that is over already, and one more for windows that begin the day before. */
const DAYS_AHEAD = 9;

/** Until when the next file has to arrive. Pure. `lastMs`: the last arrival, or the first check (`isArrival` false). */
export function deadlineAfter(expected: Expectation, timezone: string, lastMs: number, isArrival: boolean): number {
  if ('everyMs' in expected) return lastMs + expected.everyMs;
  const today = localDayOf(lastMs, timezone);
  for (let day = today - 1; day <= today + DAYS_AHEAD; day++) {
    if (!expected.days.includes(weekdayOf(day))) continue;
    const { from, by } = windowOf(expected, day, timezone);
    // A file that came after the begin of a window belongs to it, also if it came too late.
    if ((isArrival ? from : by) > lastMs) return by;
  }
  throw new Error(`an expectation on no day of the week: ${JSON.stringify(expected)}`);
}

function windowOf({ by, from }: Daily, day: number, timezone: string): { from: number; by: number } {
  return { from: instantOf(from < by ? day : day - 1, from, timezone), by: instantOf(day, by, timezone) };
}

/** Days since 1970 of the local date. */
const localDayOf = (ms: number, timezone: string): number => Math.floor((ms + offsetMs(ms, timezone)) / DAY_MS);
/** 1970 began on a Thursday. */
const weekdayOf = (day: number): number => (((day + 4) % 7) + 7) % 7;

/** The instant at which a clock on that wall shows that many minutes after midnight. */
function instantOf(day: number, minutes: number, timezone: string): number {
  const shown = day * DAY_MS + minutes * 60_000;
  // The offsets before and after any change nearby.
  const [before, after] = [offsetMs(shown - DAY_MS, timezone), offsetMs(shown + DAY_MS, timezone)];
  const isRight = (offset: number) => offsetMs(shown - offset, timezone) === offset;
  // If both are right, the time before the change comes first. If neither is, it counts as well.
  return shown - (isRight(before) || !isRight(after) ? before : after);
}

/** How far the local clock is ahead of UTC. */
function offsetMs(ms: number, timezone: string): number {
  const { year, month, day, hour, minute, second } = localTime(ms, timezone);
  const shown = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  return shown - Math.floor(ms / 1_000) * 1_000;
}
