/** Calendar and clock of a time zone. */

type Part = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second';

/** An instant as the calendar and a clock of that zone show it; all but the year with two digits. */
export function localTime(atMs: number, timeZone: string): Record<Part, string> {
  const parts = formatter(timeZone).formatToParts(atMs);
  return Object.fromEntries(parts.map(({ type, value }) => [type, value])) as Record<Part, string>;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(timeZone: string): Intl.DateTimeFormat {
  const two = { month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' } as const;
  const made =
    formatters.get(timeZone) ??
    new Intl.DateTimeFormat('en-CA', { timeZone, calendar: 'gregory', hourCycle: 'h23', year: 'numeric', ...two });
  formatters.set(timeZone, made);
  return made;
}
