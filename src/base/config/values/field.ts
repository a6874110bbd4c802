/**
 * How one option is described: what help, refusals and tests need to know of it, and how its values are read.
 * Guarantees: a value is accepted in the same spelling from a flag, the environment and the file.
 * Does not: know any option; src/base/config/schema.ts lists them.
 */

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

/** One option. */
export class Field<T = unknown> {
  constructor(
    readonly meta: FieldMeta,
    /** Makes the value of an option that is not given. */
    private readonly fallback: () => T,
    /** Undefined: the value is not accepted. */
    private readonly read: (raw: unknown) => T | undefined,
  ) {}

  /** Undefined is no value: the default. */
  safeParse(value: unknown): { success: true; data: T } | { success: false } {
    if (value === undefined) return { success: true, data: this.fallback() };
    const data = this.read(value);
    return data === undefined ? { success: false } : { success: true, data };
  }
}

export const asNumber = (raw: unknown): unknown =>
  typeof raw === 'string' && /^-?\d+(\.\d+)?$/.test(raw.trim()) ? Number(raw) : raw;

interface Range<T> {
  min: number;
  max: number;
  fallback: T;
}

/** A number within its bounds. `read` makes it of what was given. */
export function numeric<T extends number | undefined>(
  meta: Omit<FieldMeta, 'min' | 'max'>,
  { min, max, fallback }: Range<T>,
  read: (raw: unknown) => unknown,
  isWhole = true,
): Field<number | T> {
  return new Field<number | T>(
    { ...meta, min, max },
    () => fallback,
    (raw) => {
      const number = read(raw) as number;
      const isNumber = isWhole ? Number.isSafeInteger(number) : Number.isFinite(number);
      return isNumber && number >= min && number <= max ? number : undefined;
    },
  );
}

/** Without a fallback there is no bound where none is given. */
export function whole<T extends number | undefined>(about: About, range: Range<T> & { unit?: string }) {
  const { min, max, unit, fallback } = range;
  const meta: FieldMeta = {
    rule: `a whole number${unit ? ` of ${unit}` : ''} from ${min} to ${max}`,
    example: String(fallback ?? min),
    placeholder: 'N',
    kind: 'number',
    ...(unit !== undefined && { unit }),
    ...(fallback !== undefined && { defaultText: String(fallback) }),
    ...about,
  };
  return numeric(meta, range, asNumber);
}

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
    (raw) => values.find((value) => value === raw),
  );
}

const SWITCHED = new Map<unknown, boolean>([
  ...[true, 'true', '1'].map((raw) => [raw, true] as const),
  ...[false, 'false', '0'].map((raw) => [raw, false] as const),
]);

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
    (raw) => SWITCHED.get(raw),
  );
}

type AboutText = About & { rule: string; example: string; placeholder: string };

/** Text that `accepts` may refuse; `rule` of `about` says what is accepted. */
export const text = (about: AboutText, accepts = isText) =>
  new Field<string | undefined>({ kind: 'text', ...about }, none, (raw) => textIn(raw, accepts));

export const textOr = (fallback: string, about: AboutText, accepts: (value: string) => boolean) =>
  new Field<string>(
    { kind: 'text', defaultText: fallback, ...about },
    () => fallback,
    (raw) => textIn(raw, accepts),
  );

export const none = () => undefined;

/** YAML has numbers where somebody writes a text of digits. */
function textIn(raw: unknown, accepts: (value: string) => boolean): string | undefined {
  const value = typeof raw === 'number' ? String(raw) : raw;
  return typeof value === 'string' && accepts(value) ? value : undefined;
}

/** A path, or what stands in such a file: process.ts reads either. */
export const chain = (about: AboutText) =>
  new Field<string | object | undefined>({ kind: 'text', ...about }, none, (raw) =>
    typeof raw === 'object' ? (raw ?? undefined) : typeof raw === 'string' && isText(raw) ? raw : undefined,
  );

/**
 * May be given several times; in the environment one a line or parted by commas outside braces. `asText`: of an item of the
 * file that may be written with keys of its own.
 */
export function list(
  about: AboutText,
  accepts: (item: string) => boolean,
  max: number,
  asText: (item: unknown) => unknown = (item) => item,
): Field<string[]> {
  return new Field<string[]>(
    { kind: 'list', ...about },
    () => [],
    (raw) => {
      const items = asList(raw);
      const texts = Array.isArray(items) ? items.map(asText) : undefined;
      const isList = texts?.every((item) => typeof item === 'string' && accepts(item)) && texts.length <= max;
      return isList ? (texts as string[]) : undefined;
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
