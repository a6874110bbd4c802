/**
 * The expectations of a feed: `orders-*.csv by 06:30 on mon-fri`, `clicks-*.gz every 24h`, or the same as keys in
 * the file (`glob`, `by`, `from`, `days`; `glob`, `every`).
 * Does not: know the time; src/service/status/late.ts finds the moment that an expectation speaks of.
 */
import { UNITS_MS } from './duration.js';
import { limits } from './limits.js';

/** A file that matches by a time of day on some days of the week, or one in every so often. */
export type Expectation = { glob: string } & (Daily | { everyMs: number });

export type Daily = {
  /** Minutes after midnight, in the feed's time zone. */
  by: number;
  /** A file that came before does not count. Where this is not earlier than `by`, it is a time of the day before. */
  from: number;
  /** 0 is Sunday. */
  days: number[];
};

export const EXPECT_KEYS = ['glob', 'by', 'from', 'days', 'every'];

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const TIME = '([01]\\d|2[0-3]):([0-5]\\d)';
const DAILY = new RegExp(`^(.+) by ${TIME}(?: from ${TIME})?(?: on ([a-z+-]+))?$`);
const EVERY = /^(.+) every (\d{1,6})([mhd])$/;

/** Undefined where it is of neither form. */
export function parseExpectation(text: string): Expectation | undefined {
  const [, often, count, unit] = EVERY.exec(text) ?? [];
  if (often !== undefined) {
    const everyMs = Number(count) * UNITS_MS[unit!]!;
    return isGlob(often) && everyMs > 0 && everyMs <= limits.expectedEveryMsMax ? { glob: often, everyMs } : undefined;
  }
  const [, glob, hour, minute, fromHour, fromMinute, on] = DAILY.exec(text) ?? [];
  const days = daysOf(on ?? 'sun-sat');
  if (glob === undefined || !isGlob(glob) || days === undefined) return undefined;
  return { glob, by: minutes(hour, minute), from: minutes(fromHour, fromMinute), days };
}

const isGlob = (glob: string): boolean => glob.trim() === glob && glob.length <= limits.globBytesMax;
const minutes = (hour = '0', minute = '0'): number => Number(hour) * 60 + Number(minute);

/** `mon-fri+sun` as numbers, each once; undefined where a name is not one of a day. */
function daysOf(on: string): number[] | undefined {
  const days = new Set<number>();
  for (const part of on.split('+')) {
    const [first, last = first, ...rest] = part.split('-').map((name) => DAYS.indexOf(name));
    if (first! < 0 || last! < 0 || rest.length > 0) return undefined;
    for (let day = first!; ; day = (day + 1) % 7) {
      days.add(day);
      if (day === last) break;
    }
  }
  return [...days].sort();
}

/** An item of the file as text; one with keys of both forms stays as it is, and is refused like any value that is no text. */
export function expectationText(item: unknown): unknown {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return item;
  const { glob, by, from, days, every } = item as Record<string, unknown>;
  const on = Array.isArray(days) ? days.join('+') : days;
  const daily = Object.entries({ by, from, on }).flatMap(([word, value]) => (value === undefined ? [] : [word, value]));
  if (every !== undefined && daily.length > 0) return item;
  const words = [glob, ...daily, ...(every === undefined ? [] : ['every', every])];
  return words.every((word) => typeof word === 'string') ? words.join(' ') : item;
}

/** The expectation as a person would write it. */
export function shownExpectation(expected: Expectation): string {
  if ('everyMs' in expected) {
    const [unit, ms] = Object.entries(UNITS_MS).findLast(([, ms]) => expected.everyMs % ms === 0)!;
    return `${expected.glob} every ${expected.everyMs / ms}${unit}`;
  }
  const { glob, by, from, days } = expected;
  const on = days.length === 7 ? '' : ` on ${days.map((day) => DAYS[day]).join('+')}`;
  return `${glob} by ${shownTime(by)}${from === 0 ? '' : ` from ${shownTime(from)}`}${on}`;
}

const two = (n: number): string => String(n).padStart(2, '0');
const shownTime = (minute: number): string => `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
