/**
 * The rules of the options of a library, and the logger among them. A rule answers a sentence with the option, the rule and the value
 * where the value breaks it. Pure, but for the calls of that logger.
 */
import { faultOfGlob } from './globs.js';
import { suggestion } from './nearest.js';

export type OptionRule = (name: string, value: unknown) => string | undefined;

/** The functions of a logger, as bunyan and pino have them. */
export const LOGGER_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** Node fires a longer timer at once. */
export const TIMER_MS_MAX = 2 ** 31 - 1;

/** The first sentence that speaks against the options; undefined where all rules hold. An option that is undefined is not given. */
export function faultOfOptions(
  options: object,
  rules: Readonly<Record<string, OptionRule>>,
): { isUnknown: boolean; sentence: string } | undefined {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    return {
      isUnknown: false,
      sentence: `The options have to be an object, and are ${shownValue(options)}: correct them.`,
    };
  const unknown = unknownOption(options, Object.keys(rules));
  if (unknown !== undefined) return { isUnknown: true, sentence: unknown };
  for (const [name, value] of Object.entries(options)) {
    const sentence = value === undefined ? undefined : rules[name]!(name, value);
    if (sentence !== undefined) return { isUnknown: false, sentence };
  }
  return undefined;
}

export const broken = (name: string, rule: string, value: unknown): string =>
  `The option ${name} has to be ${rule}, and is ${shownValue(value)}: correct it.`;

export const is =
  (rule: string, holds: (value: unknown) => boolean): OptionRule =>
  (name, value) =>
    holds(value) ? undefined : broken(name, rule, value);

export const whole = (least: number, most: number): OptionRule =>
  is(
    `a whole number from ${least} to ${most}`,
    (value) => Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most,
  );

export const toggle = is('true or false', (value) => typeof value === 'boolean');

export const areTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((text) => typeof text === 'string' && text !== '');

export const globs: OptionRule = (name, value) => {
  if (!areTexts(value)) return broken(name, 'a list of globs that are not empty', value);
  for (const glob of value) {
    const fault = faultOfGlob(glob);
    if (fault !== undefined)
      return `The option ${name} has the glob ${shownValue(glob)}, which cannot be used: ${fault}.`;
  }
  return undefined;
};

/** By what it has: a signal of another realm is no instance of the AbortSignal here. */
export const signal = is('an AbortSignal (of an AbortController, its .signal)', (value) => {
  const { aborted, addEventListener, removeEventListener } = (value ?? {}) as Partial<AbortSignal>;
  return (
    typeof aborted === 'boolean' && typeof addEventListener === 'function' && typeof removeEventListener === 'function'
  );
});

export const logger: OptionRule = (name, value) => {
  const missing = missingIn(value, LOGGER_LEVELS);
  return (
    missing &&
    `The option ${name} has to have the functions debug, info, warn and error, and has no ${missing}: add it.`
  );
};

/** A value that a caller of the library gave, as its programmer would write it, as far as that is short. Never throws. */
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

/**
 * The logger that a program gives to the library, with these functions alone, none of which throws or leaves an unhandled rejection.
 * So a logger that fails ends neither the process nor the work it was to log. Node's warning says so once.
 */
export function guarded<L extends object>(logger: L, names: readonly (keyof L & string)[]): L {
  let warned = false;
  const failed = (error: unknown): void => {
    if (!warned)
      process.emitWarning(
        `A logger given to the library fails, and what it was to log is lost (${error}): correct it.`,
      );
    warned = true;
  };
  const call = (name: keyof L, given: unknown[]): void => {
    try {
      const answer = (logger[name] as (...given: unknown[]) => unknown)(...given);
      if (answer instanceof Promise) answer.catch(failed);
    } catch (error) {
      failed(error);
    }
  };
  return Object.fromEntries(names.map((name) => [name, (...given: unknown[]) => call(name, given)])) as L;
}
