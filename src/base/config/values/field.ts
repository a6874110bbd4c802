/**
 * The kinds of values: how each is read, and what help, refusals and tests need to know of it. An option is a kind with a heading and
 * a sentence.
 * Guarantees: a value is accepted in the same spelling from a flag, the environment and the file.
 * Does not: know any option; src/base/config/schema.ts lists them.
 */
import { bytesOfSize, durationMs, shownDuration } from './duration.js';
import { limits } from './limits.js';

export interface KindMeta {
  /** Ends the sentence "--option must be …". */
  rule: string;
  /** A value that is accepted. */
  example: string;
  /** A relative path is below the folder of the caller, or of the file that it stands in. */
  isPath?: true;
  /** How the value is called in --help: `DIR`, `N`; '' for a switch. */
  placeholder: string;
  kind: 'text' | 'number' | 'size' | 'duration' | 'choice' | 'switch' | 'list';
  /** A value that is refused may have a password in it, and is not repeated. */
  isSecret?: true;
  /** Shown in --help where it is not the schema's own default. */
  defaultText?: string;
  choices?: readonly string[];
  /** Values that a shell completes, where any other text may be right too. */
  suggests?: readonly string[];
  unit?: string;
  min?: number;
  max?: number;
}

export interface FieldMeta extends KindMeta {
  /** The heading in --help. */
  group: string;
  /** Sentences. The first one stands alone in --help, and where a wrong option is refused. */
  description: string;
}

/** `--mode stability|sidecar` */
export const flagOf = (name: string, { placeholder }: FieldMeta): string =>
  `--${name}${placeholder ? ` ${placeholder}` : ''}`;

export const firstSentence = (text: string): string => /^.*?\.(?= |$)/s.exec(text)?.[0] ?? text;

export interface Kind<T = unknown> {
  meta: KindMeta;
  /** Undefined is no value: the default. */
  safeParse(value: unknown): { success: true; data: T } | { success: false };
}

/** One option. */
export interface Field<T = unknown> extends Kind<T> {
  meta: FieldMeta;
}

export const option = <T>(group: string, description: string, { meta, safeParse }: Kind<T>): Field<T> => ({
  meta: { ...meta, group, description },
  safeParse,
});

/** `read` answers undefined for what is not accepted. */
export function newKind<T>(meta: KindMeta, fallback: T, read: (raw: unknown) => T | undefined): Kind<T> {
  return {
    meta,
    safeParse: (value) => {
      const data = value === undefined ? fallback : read(value);
      return value === undefined || data !== undefined ? { success: true, data: data as T } : { success: false };
    },
  };
}

export const asNumber = (raw: unknown): unknown =>
  typeof raw === 'string' && /^-?\d+(\.\d+)?$/.test(raw.trim()) ? Number(raw) : raw;

/** Words of an option, where those of its kind do not say it. */
type InOwnWords = Partial<Pick<KindMeta, 'example' | 'defaultText'>>;

/** Without a fallback there is no bound where none is given. */
export type Range<T> = InOwnWords & { min: number; max: number; fallback?: T | undefined };

/** A number within its bounds. `read` makes it of what was given. */
export const numeric = <T extends number | undefined>(
  meta: KindMeta,
  { min, max, fallback }: Range<T>,
  read: (raw: unknown) => unknown,
  isWhole = true,
): Kind<number | T> =>
  newKind<number | T>({ ...meta, min, max }, fallback as T, (raw) => {
    const number = read(raw) as number;
    const isNumber = isWhole ? Number.isSafeInteger(number) : Number.isFinite(number);
    return isNumber && number >= min && number <= max ? number : undefined;
  });

export function whole<T extends number | undefined = undefined>({
  unit,
  min,
  max,
  fallback,
  ...words
}: Range<T> & { unit?: string }): Kind<number | T> {
  const meta: KindMeta = {
    rule: `a whole number${unit ? ` of ${unit}` : ''} from ${min} to ${max}`,
    example: String(fallback ?? min),
    placeholder: 'N',
    kind: 'number',
    ...(unit !== undefined && { unit }),
    defaultText: String(fallback ?? 'none'),
    ...words,
  };
  return numeric(meta, { min, max, fallback }, asNumber);
}

/** The first value is the default. */
export function choice<const T extends readonly [string, ...string[]]>(values: T): Kind<T[number]> {
  const meta: KindMeta = {
    rule: `one of ${values.join(', ')}`,
    example: values[0],
    placeholder: values.join('|'),
    kind: 'choice',
    choices: values,
    defaultText: values[0],
  };
  return newKind<T[number]>(meta, values[0], (raw) => values.find((value) => value === raw));
}

const SWITCHED = new Map<unknown, boolean>([
  ...[true, 'true', '1'].map((raw) => [raw, true] as const),
  ...[false, 'false', '0'].map((raw) => [raw, false] as const),
]);

export function toggle<T extends boolean | undefined>(fallback: T): Kind<boolean | T> {
  const meta: KindMeta = {
    rule: 'true or false',
    example: String(!fallback),
    placeholder: '',
    kind: 'switch',
    defaultText: fallback ? 'on' : 'off',
  };
  return newKind<boolean | T>(meta, fallback, (raw) => SWITCHED.get(raw));
}

/** `accepts`: by default any text that is not empty. */
type TextRule = Omit<KindMeta, 'kind'> & { accepts?: (value: string) => boolean };

/** YAML has numbers where somebody writes a text of digits. */
export function text<T extends string | undefined = undefined>({
  accepts = isText,
  fallback,
  ...meta
}: TextRule & { fallback?: T }): Kind<string | T> {
  return newKind<string | T>({ kind: 'text', defaultText: fallback ?? 'none', ...meta }, fallback as T, (raw) => {
    const value = typeof raw === 'number' ? String(raw) : raw;
    return typeof value === 'string' && accepts(value) ? value : undefined;
  });
}

/** A path, or what stands in such a file: process.ts reads either. */
export const chain = (meta: Omit<KindMeta, 'kind'>) =>
  newKind<string | object | undefined>({ kind: 'text', defaultText: 'none', ...meta }, undefined, (raw) =>
    typeof raw === 'object' ? (raw ?? undefined) : typeof raw === 'string' && isText(raw) ? raw : undefined,
  );

/**
 * May be given several times; in the environment one a line or parted by commas outside braces. `asText`: of an item of the
 * file that may be written with keys of its own.
 */
export function list({
  accepts = isText,
  most,
  asText = (item) => item,
  ...meta
}: TextRule & { most: number; asText?: (item: unknown) => unknown }): Kind<string[]> {
  return newKind<string[]>({ kind: 'list', ...meta }, [], (raw) => {
    const items = asList(raw);
    const texts = Array.isArray(items) ? items.map(asText) : undefined;
    const isList = texts?.every((item) => typeof item === 'string' && accepts(item)) && texts.length <= most;
    return isList ? (texts as string[]) : undefined;
  });
}

function asList(raw: unknown): unknown {
  if (typeof raw !== 'string') return raw;
  return raw
    .split(/\n|,(?![^{]*\})/)
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

export function isText(value: string): boolean {
  return value !== '' && !value.includes('\0');
}

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
