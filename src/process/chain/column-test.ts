/** The rules of one column: its type, its pattern, whether it may be empty; and how a module reads a value of that type. */
import type { COLUMN_TYPES, ColumnRule, ProcessOptions } from '../../base/config/values/process.js';
import type { Read } from '../formats/columns.js';
import { type Decode, decoderOf } from '../formats/text.js';

type Type = (typeof COLUMN_TYPES)[number];

/** Returns what is wrong with a value, or undefined. */
export type ColumnTest = (value: unknown) => string | undefined;

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const INTEGER = /^[+-]?\d+$/;
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const TIMESTAMP =
  /^(\d{4}-\d{2}-\d{2})[T ]([01]\d|2[0-3]):[0-5]\d(?::(?:[0-5]\d|60)(?:[.,]\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?$/;

const TEXT_IS: Record<Type, (text: string) => boolean> = {
  text: () => true,
  number: (text) => NUMBER.test(text) && Number.isFinite(Number(text)),
  integer: (text) => INTEGER.test(text) && Number.isSafeInteger(Number(text)),
  boolean: (text) => text === 'true' || text === 'false',
  date: isDate,
  timestamp: (text) => isDate(TIMESTAMP.exec(text)?.[1] ?? ''),
};

/** A day of the calendar, as YYYY-MM-DD. */
function isDate(text: string): boolean {
  const [, year, month, day] = DATE.exec(text) ?? [];
  if (year === undefined) return false;
  const days = new Date(Date.UTC(2000 + (Number(year) % 400), Number(month), 0)).getUTCDate();
  return Number(month) >= 1 && Number(month) <= 12 && Number(day) >= 1 && Number(day) <= days;
}

/** JSON has numbers and booleans of its own. */
const JSON_TYPES: Partial<Record<Type, 'number' | 'boolean'>> = {
  number: 'number',
  integer: 'number',
  boolean: 'boolean',
};

export function columnTest(rule: ColumnRule, { format, encoding }: ProcessOptions): ColumnTest {
  const decode: Decode = format === 'csv' ? decoderOf(encoding) : (text) => text;
  const jsonType = format === 'jsonl' ? JSON_TYPES[rule.type] : undefined;
  const pattern = rule.pattern === undefined ? undefined : new RegExp(`^(?:${rule.pattern})$`, 'u');
  const isOfType = TEXT_IS[rule.type];
  const isIt = article(rule.type);
  return (value) => {
    if (value === '' || value === undefined || value === null)
      return rule.required ? 'is empty, but required' : undefined;
    if (jsonType !== undefined && typeof value !== jsonType) return `is not ${isIt}`;
    if (typeof value === 'object') return `is not ${isIt}`;
    const text = String(value);
    if (!isOfType(text)) return `is not ${isIt}`;
    return pattern === undefined || pattern.test(decode(text)) ? undefined : `does not match ${rule.pattern}`;
  };
}

const article = (type: Type): string =>
  type === 'integer' ? 'an integer that a number can hold' : type === 'text' ? 'text' : `a ${type}`;

const CONVERTS: Partial<Record<Type, (text: string) => unknown>> = {
  number: Number,
  integer: Number,
  boolean: (text) => text === 'true',
};

/** csv: how a module gets a value of this type. An empty value is null; one that is not of the type stays text. Undefined: all are text. */
export function readOf(type: Type, decode: Decode): Read | undefined {
  const convert = CONVERTS[type];
  const isOfType = TEXT_IS[type];
  return convert && ((bytes) => (bytes === '' ? null : isOfType(bytes) ? convert(bytes) : decode(bytes)));
}
