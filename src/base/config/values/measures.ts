/** Values that are measured: times and sizes, with their units or as bare numbers. */
import { bytesOfSize, durationMs, shownDuration } from './duration.js';
import { asNumber, type Kind, type KindMeta, newKind, numeric, type Range } from './field.js';
import { limits } from './limits.js';

/** A number of bytes, bare or with a unit. */
export function size<T extends number | undefined = undefined>({
  min,
  max = limits.byteCountMax,
  fallback,
  ...words
}: Omit<Range<T>, 'max'> & { max?: number }): Kind<number | T> {
  const meta: KindMeta = {
    rule: `a size from ${min} to ${max} bytes, such as 500MB or 10GiB; a bare number is bytes`,
    example: '10GiB',
    placeholder: 'SIZE',
    kind: 'size',
    unit: 'bytes',
    defaultText: String(fallback ?? 'no bound'),
    ...words,
  };
  const asBytes = (raw: unknown): unknown => {
    const number = asNumber(raw);
    return typeof number === 'string' ? (bytesOfSize(number.trim()) ?? raw) : number;
  };
  return numeric(meta, { min, max, fallback }, asBytes);
}

const UNIT_OF = { s: { ms: 1_000, name: 'seconds' }, ms: { ms: 1, name: 'milliseconds' } } as const;

/** A time with its units, or a bare number of `unit`; the value is a number of `unit`, a whole one of ms. */
export function duration<T extends number | undefined = undefined>({
  unit,
  min,
  max,
  fallback,
  ...words
}: Range<T> & { unit: keyof typeof UNIT_OF }): Kind<number | T> {
  const { ms, name } = UNIT_OF[unit];
  const shown = (count: number) => shownDuration(count * ms);
  const meta: KindMeta = {
    rule: `a duration from ${shown(min)} to ${shown(max)}, such as 90s or 1h30m; a bare number is ${name}`,
    example: shown(fallback ?? min),
    placeholder: 'TIME',
    kind: 'duration',
    unit: name,
    defaultText: fallback === undefined ? 'none' : shown(fallback),
    ...words,
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
export function durationIfGiven(defaultText: string, example = '90d') {
  const meta: KindMeta = {
    rule: `a duration with its unit, at most ${shownDuration(limits.keepMsMax)}, such as 90d, 12h or 1h30m`,
    example,
    placeholder: 'TIME',
    kind: 'duration',
    defaultText,
  };
  return newKind<number | undefined>(meta, undefined, (raw) => {
    const ms = typeof raw === 'string' ? durationMs(raw.trim()) : undefined;
    return ms !== undefined && ms <= limits.keepMsMax ? ms : undefined;
  });
}
