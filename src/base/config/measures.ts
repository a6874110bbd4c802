/** Options whose values are measured: times and sizes, with their units or as bare numbers. */
import { bytesOfSize, durationMs, shownDuration } from './values/duration.js';
import { type About, asNumber, Field, type FieldMeta, none, numeric } from './values/field.js';
import { limits } from './values/limits.js';

/** A number of bytes, bare or with a unit. Without a fallback there is no bound where none is given. */
export function size<T extends number | undefined>(
  about: About,
  { min, fallback }: { min: number; fallback: T },
): Field<number | T> {
  const max = limits.byteCountMax;
  const meta: FieldMeta = {
    rule: `a size from ${min} to ${max} bytes, such as 500MB or 10GiB; a bare number is bytes`,
    example: '10GiB',
    placeholder: 'SIZE',
    kind: 'size',
    unit: 'bytes',
    ...(fallback === undefined ? {} : { defaultText: String(fallback) }),
    ...about,
  };
  const asBytes = (raw: unknown): unknown => {
    const number = asNumber(raw);
    return typeof number === 'string' ? (bytesOfSize(number.trim()) ?? raw) : number;
  };
  return numeric(meta, { min, max, fallback }, asBytes);
}

const UNIT_OF = { s: { ms: 1_000, name: 'seconds' }, ms: { ms: 1, name: 'milliseconds' } } as const;

/** A time with its units, or a bare number of `unit`; the value is a number of `unit`, a whole one of ms. */
export function duration<T extends number | undefined>(
  about: About,
  { unit, min, max, fallback }: { unit: keyof typeof UNIT_OF; min: number; max: number; fallback: T },
): Field<number | T> {
  const { ms, name } = UNIT_OF[unit];
  const shown = (count: number) => shownDuration(count * ms);
  const meta: FieldMeta = {
    rule: `a duration from ${shown(min)} to ${shown(max)}, such as 90s or 1h30m; a bare number is ${name}`,
    example: shown(fallback ?? min),
    placeholder: 'TIME',
    kind: 'duration',
    unit: name,
    ...(fallback === undefined ? {} : { defaultText: shown(fallback) }),
    ...about,
  };
  const asUnits = (raw: unknown): unknown => {
    const number = asNumber(raw);
    if (typeof number !== 'string') return number;
    const time = durationMs(number.trim());
    return time === undefined ? raw : time / ms;
  };
  return numeric(meta, { min, max, fallback }, asUnits, unit === 'ms');
}

/** A time with its units, as ms: the name of the option has no unit, so that a bare number says nothing. */
export function durationIfGiven(about: About & { defaultText: string }) {
  const meta: FieldMeta = {
    rule: `a duration with its unit, at most ${shownDuration(limits.keepMsMax)}, such as 90d, 12h or 1h30m`,
    example: '90d',
    placeholder: 'TIME',
    kind: 'duration',
    ...about,
  };
  return new Field<number | undefined>(meta, none, (raw) => {
    const ms = typeof raw === 'string' ? durationMs(raw.trim()) : undefined;
    return ms !== undefined && ms <= limits.keepMsMax ? ms : undefined;
  });
}
