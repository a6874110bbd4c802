/**
 * How one option is described: what help, refusals and tests need to know of it, and the zod schema of its values.
 * Guarantees: a value is accepted in the same spelling from a flag, the environment and the file; an option that is not given
 * has its default without a schema, as making the schemas of all options takes longer than `queue-stat` takes to read a state.
 * Does not: know any option; src/base/config/schema.ts lists them.
 */
import * as z from 'zod/mini';

export interface FieldMeta {
  /** The heading in --help. */
  group: string;
  /** Sentences. The first one stands alone in --help, and where a wrong option is refused. */
  description: string;
  /** Ends the sentence "--option must be …". */
  rule: string;
  /** A value that is accepted. */
  example: string;
  /** A relative path is below the folder of the caller, or of the file that it stands in. */
  isPath?: true;
  /** How the value is called in --help: `DIR`, `N`; '' for a switch. */
  placeholder: string;
  kind: 'text' | 'number' | 'size' | 'duration' | 'choice' | 'switch' | 'list';
  /** Shown in --help where it is not the schema's own default. */
  defaultText?: string;
  choices?: readonly string[];
  /** Values that a shell completes, where any other text may be right too. */
  suggests?: readonly string[];
  unit?: string;
  min?: number;
  max?: number;
}

/** `--mode stability|sidecar` */
export const flagOf = (name: string, { placeholder }: FieldMeta): string =>
  `--${name}${placeholder ? ` ${placeholder}` : ''}`;

export const firstSentence = (text: string): string => /^.*?\.(?= |$)/s.exec(text)?.[0] ?? text;

export type About = Pick<FieldMeta, 'group' | 'description'> & Partial<FieldMeta>;

/** One option. Its values are checked as zod does it; the schema is made for the first of them. */
export class Field<T = unknown> {
  #schema: z.ZodMiniType<T> | undefined;

  constructor(
    readonly meta: FieldMeta,
    /** Makes the value of an option that is not given. */
    private readonly fallback: () => T,
    private readonly makeSchema: () => z.ZodMiniType<T>,
  ) {}

  /** Undefined is no value: the default. */
  safeParse(value: unknown): { success: true; data: T } | { success: false } {
    if (value === undefined) return { success: true, data: this.fallback() };
    this.#schema ??= this.makeSchema();
    return this.#schema.safeParse(value);
  }
}

export const asNumber = (raw: unknown): unknown =>
  typeof raw === 'string' && /^-?\d+(\.\d+)?$/.test(raw.trim()) ? Number(raw) : raw;

interface Range {
  min: number;
  max: number;
  unit?: string;
}

function numeric<T extends number | undefined>(
  base: () => z.ZodMiniNumber,
  what: string,
  about: About,
  { min, max, unit, fallback }: Range & { fallback: T },
): Field<number | T> {
  const meta: FieldMeta = {
    rule: `${what}${unit ? ` of ${unit}` : ''} from ${min} to ${max}`,
    example: String(fallback ?? min),
    placeholder: 'N',
    kind: 'number',
    ...(unit === undefined ? {} : { unit }),
    min,
    max,
    ...(fallback === undefined ? {} : { defaultText: String(fallback) }),
    ...about,
  };
  return new Field<number | T>(
    meta,
    () => fallback,
    () => z.pipe(z.transform(asNumber), base().check(z.gte(min), z.lte(max))),
  );
}

export const none = () => undefined;
const aWhole = () => z.int();

export const whole = (about: About, range: Range & { fallback: number }): Field<number> =>
  numeric(aWhole, 'a whole number', about, range);

/** No bound where none is given. */
export const wholeIfGiven = (about: About & { defaultText: string }, range: Range) =>
  numeric(aWhole, 'a whole number', about, { fallback: undefined, ...range });

/** The first value is the default. */
export function choice<const T extends readonly [string, ...string[]]>(about: About, values: T): Field<T[number]> {
  const meta: FieldMeta = {
    rule: `one of ${values.join(', ')}`,
    example: values[0],
    placeholder: values.join('|'),
    kind: 'choice',
    choices: values,
    defaultText: values[0],
    ...about,
  };
  return new Field<T[number]>(
    meta,
    () => values[0],
    () => z.enum(values) as z.ZodMiniType<T[number]>,
  );
}

const asSwitch = (raw: unknown): unknown =>
  raw === 'true' || raw === '1' ? true : raw === 'false' || raw === '0' ? false : raw;

export function toggle(about: About, fallback: boolean): Field<boolean> {
  const meta: FieldMeta = {
    rule: 'true or false',
    example: String(!fallback),
    placeholder: '',
    kind: 'switch',
    defaultText: fallback ? 'on' : 'off',
    ...about,
  };
  return new Field<boolean>(
    meta,
    () => fallback,
    () => z.pipe(z.transform(asSwitch), z.boolean()),
  );
}

/** Text that `accepts` may refuse; `rule` of `about` says what is accepted. */
export function text(about: About & { rule: string; example: string; placeholder: string }, accepts = isText) {
  return new Field<string | undefined>({ kind: 'text', ...about }, none, () =>
    z.pipe(
      z.transform((raw) => (typeof raw === 'number' ? String(raw) : raw)),
      z.string().check(z.refine(accepts)),
    ),
  );
}

/** A path, or what stands in such a file: process.ts reads either. */
export function chain(about: About & { rule: string; example: string; placeholder: string }) {
  return new Field<string | object | undefined>({ kind: 'text', ...about }, none, () =>
    z.custom<string | object>((raw) =>
      typeof raw === 'string' ? isText(raw) : typeof raw === 'object' && raw !== null,
    ),
  );
}

export function textOr(
  fallback: string,
  about: About & { rule: string; example: string; placeholder: string },
  accepts = isText,
): Field<string> {
  return new Field<string>(
    { kind: 'text', defaultText: fallback, ...about },
    () => fallback,
    () => z.string().check(z.refine(accepts)),
  );
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
): Field<string[]> {
  return new Field<string[]>(
    { kind: 'list', ...about },
    () => [],
    () => {
      const item = z.pipe(z.transform(asText), z.string().check(z.refine(accepts)));
      return z.pipe(z.transform(asList), z.array(item).check(z.maxLength(max)));
    },
  );
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
