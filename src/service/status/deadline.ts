/**
 * The moment by which an expected file is due, in a time zone with its changes to summer time.
 * Guarantees: a time of day that is skipped counts as if the clock had not been put forward. If it occurs twice, the first one
 * counts (RFC 5545, 3.3.5). Pure.
 */
import type { Daily, Expectation } from '../../base/config/values/expect.js';

const DAY_MS = 86_400_000;
/** The seven days of a week, one that is over already, and one more for windows that begin the day before. */
const DAYS_AHEAD = 9;

/** Until when the next file has to arrive. `lastMs`: the last arrival, or the first check (`isArrival` false). */
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
  const parts = formatter(timezone).formatToParts(ms);
  const [year, month, day, hour, minute, second] = ORDER.map((type) =>
    Number(parts.find((part) => part.type === type)!.value),
  ) as [number, number, number, number, number, number];
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(ms / 1_000) * 1_000;
}

const ORDER = ['year', 'month', 'day', 'hour', 'minute', 'second'] as const;
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(timeZone: string): Intl.DateTimeFormat {
  const made =
    formatters.get(timeZone) ??
    new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  formatters.set(timeZone, made);
  return made;
}
