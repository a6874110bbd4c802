/**
 * How one option is described: a zod schema that carries what help, refusals and tests need to know of it.
 * Guarantees: a value is accepted in the same spelling from a flag, the environment and the file.
 * Does not: know any option; src/config/schema.ts lists them.
 */
import * as z from 'zod';
import { UNITS_MS } from './duration.js';

export interface FieldMeta {
  /** The heading in --help. */
  group: string;
  description: string;
  /** Ends the sentence "--option must be …". */
  rule: string;
  /** A value that is accepted. */
  example: string;
  /** How the value is called in --help: `DIR`, `N`; '' for a switch. */
  placeholder: string;
  kind: 'text' | 'number' | 'choice' | 'switch' | 'list';
  /** Shown in --help where it is not the schema's own default. */
  defaultText?: string;
  choices?: readonly string[];
  unit?: string;
  min?: number;
  max?: number;
}

type About = Pick<FieldMeta, 'group' | 'description'> & Partial<FieldMeta>;

export type Field = z.ZodType;

export function metaOf(field: Field): FieldMeta {
  return z.globalRegistry.get(field) as unknown as FieldMeta;
}

function described<S extends z.ZodType>(schema: S, meta: FieldMeta): S {
  return schema.meta(meta as unknown as Record<string, unknown>) as S;
}

const asNumber = (raw: unknown): unknown =>
  typeof raw === 'string' && /^-?\d+(\.\d+)?$/.test(raw.trim()) ? Number(raw) : raw;

interface Range {
  min: number;
  max: number;
  unit?: string;
  fallback?: number;
}

function numeric(base: z.ZodNumber, what: string, about: About, { min, max, unit, fallback }: Range) {
  const schema = z.preprocess(asNumber, base.min(min).max(max).optional());
  return described(schema.transform((value) => value ?? fallback) as unknown as z.ZodType<number>, {
    rule: `${what}${unit ? ` of ${unit}` : ''} from ${min} to ${max}`,
    example: String(fallback ?? min),
    placeholder: 'N',
    kind: 'number',
    ...(unit === undefined ? {} : { unit }),
    min,
    max,
    ...(fallback === undefined ? {} : { defaultText: String(fallback) }),
    ...about,
  });
}

export const whole = (about: About, range: Range & { fallback: number }) =>
  numeric(z.number().int(), 'a whole number', about, range);
export const seconds = (about: About, range: Range & { fallback: number }) =>
  numeric(z.number(), 'a number', about, { unit: 'seconds', ...range });
/** Without a fixed default: what holds then depends on something else, and the description says on what. */
export const secondsIfGiven = (about: About & { defaultText: string }, range: Range) =>
  numeric(z.number(), 'a number', about, { unit: 'seconds', ...range }) as z.ZodType<number | undefined>;

/** No bound where none is given. */
export const wholeIfGiven = (about: About & { defaultText: string }, range: Range) =>
  numeric(z.number().int(), 'a whole number', about, range) as z.ZodType<number | undefined>;

/** The first value is the default. */
export function choice<const T extends readonly [string, ...string[]]>(about: About, values: T) {
  return described(z.enum(values).default(values[0] as never) as unknown as z.ZodType<T[number]>, {
    rule: `one of ${values.join(', ')}`,
    example: values[0],
    placeholder: values.join('|'),
    kind: 'choice',
    choices: values,
    defaultText: values[0],
    ...about,
  });
}

const asSwitch = (raw: unknown): unknown =>
  raw === 'true' || raw === '1' ? true : raw === 'false' || raw === '0' ? false : raw;

export function toggle(about: About, fallback: boolean) {
  return described(
    z.preprocess(asSwitch, z.boolean().optional()).transform((value) => value ?? fallback),
    {
      rule: 'true or false',
      example: String(!fallback),
      placeholder: '',
      kind: 'switch',
      defaultText: fallback ? 'on' : 'off',
      ...about,
    },
  );
}

/** Text that `accepts` may refuse; `rule` of `about` says what is accepted. */
export function text(about: About & { rule: string; example: string; placeholder: string }, accepts = isText) {
  const schema = z.preprocess((raw) => (typeof raw === 'number' ? String(raw) : raw), z.string().refine(accepts));
  return described(schema.optional(), { kind: 'text', ...about });
}

export function textOr(
  fallback: string,
  about: About & { rule: string; example: string; placeholder: string },
  accepts = isText,
) {
  const schema = z.string().refine(accepts).default(fallback);
  return described(schema, { kind: 'text', defaultText: fallback, ...about });
}

/** A time with its unit, as ms. */
export function durationIfGiven(about: About & { defaultText: string }) {
  const schema = z
    .string()
    .regex(/^\d{1,6}[smhd]$/)
    .transform((text) => Number(text.slice(0, -1)) * UNITS_MS[text.slice(-1)]!);
  return described(schema.optional(), {
    rule: 'a whole number with s, m, h or d (seconds to days) behind it',
    example: '90d',
    placeholder: 'DURATION',
    kind: 'text',
    ...about,
  });
}

/**
 * May be given several times; in the environment one a line or parted by commas outside braces. `asText`: of an item of the
 * file that may be written with keys of its own.
 */
export function list(
  about: About & { rule: string; example: string; placeholder: string },
  accepts: (item: string) => boolean,
  max: number,
  asText: (item: unknown) => unknown = (item) => item,
) {
  const items = z.array(z.preprocess(asText, z.string().refine(accepts))).max(max);
  const schema = z.preprocess(asList, items).default([]);
  return described(schema, { kind: 'list', ...about });
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
