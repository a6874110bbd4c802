/**
 * The rule of each option. A value that breaks it throws a sentence with the option, the rule and the value.
 */
import { shownValue } from '../../base/config/values/given.js';
import { faultOfGlob } from '../../base/config/values/globs.js';
import { missingIn } from '../../base/telemetry/guarded-logger.js';
import { WatcherError } from './errors.js';
import { limits } from './limits.js';
import type { BackendName, WatcherOptions } from './types.js';

export const BACKENDS: readonly BackendName[] = ['inotify', 'node', 'poll'];
export const LOGGER_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** Throws if the value is not allowed. */
type Check = (name: string, value: unknown) => void;

export const refused = (message: string): WatcherError =>
  new WatcherError('options', '', 'ERR_INVALID_ARG_VALUE', message);

export const wrong = (name: string, rule: string, value: unknown): WatcherError =>
  refused(`The option ${name} has to be ${rule}, and is ${shownValue(value)}: correct it.`);

const is =
  (rule: string, holds: (value: unknown) => boolean): Check =>
  (name, value) => {
    if (!holds(value)) throw wrong(name, rule, value);
  };

const whole = (least: number, most: number): Check =>
  is(
    `a whole number from ${least} to ${most}`,
    (value) => Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most,
  );

const toggle = is('true or false', (value) => typeof value === 'boolean');

const areTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((text) => typeof text === 'string' && text !== '');

const globs: Check = (name, value) => {
  if (!areTexts(value)) throw wrong(name, 'a list of globs that are not empty', value);
  for (const glob of value) {
    const fault = faultOfGlob(glob);
    if (fault !== undefined)
      throw refused(`The option ${name} has the glob ${shownValue(glob)}, which cannot be used: ${fault}.`);
  }
};

/** An ending is no glob: `*.part` would only match a name that has the asterisk itself. */
const endings = is(
  'a list of endings of names such as ".part", which are not empty and have no slash and no *',
  (value) => areTexts(value) && !value.some((ending) => /[/*\0]/.test(ending)),
);

/** better-sqlite3 trims spaces at both ends, and would then create a file of another name, or none. */
const file = is(
  'the path of a file: text that is not empty, and that has no space at its front or end',
  (value) => typeof value === 'string' && value !== '' && value === value.trim() && !value.includes('\0'),
);

const signal: Check = (name, value) => {
  const { aborted, addEventListener, removeEventListener } = (value ?? {}) as Partial<AbortSignal>;
  if (
    typeof aborted === 'boolean' &&
    typeof addEventListener === 'function' &&
    typeof removeEventListener === 'function'
  )
    return;
  throw wrong(name, 'an AbortSignal (of an AbortController, its .signal)', value);
};

const logger: Check = (name, value) => {
  const missing = missingIn(value, LOGGER_LEVELS);
  if (missing === undefined) return;
  throw refused(
    `The option ${name} has to have the functions debug, info, warn and error, and has no ${missing}: add it.`,
  );
};

/** The check of every option. */
export const CHECKS: Readonly<Record<keyof WatcherOptions, Check>> = {
  debounceMs: whole(0, limits.timerMsMax),
  bufferMax: whole(1, limits.bufferMax),
  ignore: globs,
  include: globs,
  hidden: toggle,
  metadataSuffixes: endings,
  tempSuffixes: endings,
  recursive: toggle,
  poll: toggle,
  backend: is(`one of ${BACKENDS.join(', ')}`, (value) => BACKENDS.includes(value as BackendName)),
  rescanMs: whole(0, limits.timerMsMax),
  initial: toggle,
  signal,
  logger,
  statePath: file,
};
