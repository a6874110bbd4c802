/** Words about the options and values that a caller of the library gave. The sentences of its errors end with them. Pure. */
import { suggestion } from './nearest.js';

/** The value as its programmer would write it, as far as that is short. Never throws. */
export function shownValue(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  if (typeof value !== 'string' && (typeof value !== 'object' || value === null)) return String(value);
  try {
    return shortened(JSON.stringify(value));
  } catch {
    return 'an object';
  }
}

const SHOWN_CHARS = 200;
const shortened = (text: string): string => (text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text);

/** A sentence for the first option that is not known; undefined where all are. */
export function unknownOption(options: object, known: readonly string[]): string | undefined {
  const name = Object.keys(options).find((one) => !known.includes(one));
  if (name === undefined) return undefined;
  const choices = known.length === 1 ? `the only option is ${known[0]}` : `the options are ${known.join(', ')}`;
  return `The option ${name} is not known: ${suggestion(name, known)}${choices}.`;
}

/** The first of these functions that is missing; undefined where none is. */
export const missingIn = (logger: unknown, names: readonly string[]): string | undefined =>
  names.find((name) => typeof (logger as Record<string, unknown> | null | undefined)?.[name] !== 'function');
