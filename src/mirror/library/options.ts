/** The options of the library, checked. An option that may not be so ends in a sentence with its name, the rule and the value. */
import { resolve } from 'node:path';
import { shownValue, unknownOption } from '../../base/config/values/given.js';
import { faultOfGlob } from '../../base/config/values/globs.js';
import type { Emit, Fields } from '../../base/telemetry/emit.js';
import { levelOf, sentenceOf } from '../../base/telemetry/events.js';
import { guarded, missingIn } from '../../base/telemetry/guarded-logger.js';
import { realDirectories } from '../real-directories.js';
import type { MirrorLogger, MirrorOptions, ReplicateOptions } from '../trees/types.js';
import { MirrorError, withOptions } from './errors.js';

const TIMER_MS_MAX = 2_147_483_647;
const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** Errors: MirrorError; OperatorError and EnvironmentError where a directory cannot be used. */
export function replicateOptions(options: MirrorOptions): ReplicateOptions {
  checkEach(options);
  const { source, dest, changeLog, logger, signal: _, ...rest } = options;
  return {
    ...rest,
    ...realDirectories({ origin: 'source', path: source }, { origin: 'dest', path: dest }),
    ...(changeLog !== undefined && { changeLog: resolve(changeLog) }),
    ...(logger !== undefined && { emit: emitTo(guarded(logger, LEVELS)) }),
  };
}

function checkEach(options: MirrorOptions): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new MirrorError(
      'bad_value',
      `The options have to be an object, and are ${shownValue(options)}: correct them.`,
    );
  const unknown = unknownOption(options, Object.keys(CHECKS));
  if (unknown !== undefined) throw new MirrorError('unknown_option', unknown);
  for (const name of ['source', 'dest'] as const) {
    if (options[name] === undefined)
      throw new MirrorError('missing_option', `The option ${name} is missing: name a directory.`);
  }
  for (const [name, value] of Object.entries(options))
    if (value !== undefined) CHECKS[name as keyof MirrorOptions](name, value);
}

/** Throws where the value may not be so. */
type Check = (name: string, value: unknown) => void;

const is =
  (rule: string, holds: (value: unknown) => boolean): Check =>
  (name, value) => {
    if (!holds(value))
      throw new MirrorError(
        'bad_value',
        `The option ${name} has to be ${rule}, and is ${shownValue(value)}: correct it.`,
      );
  };

const toggle = is('true or false', (value) => typeof value === 'boolean');
const path = is(
  'a path that is not empty',
  (value) => typeof value === 'string' && value !== '' && !value.includes('\0'),
);

const globs: Check = (name, value) => {
  is('a list of globs', (given) => Array.isArray(given) && given.every((glob) => typeof glob === 'string'))(
    name,
    value,
  );
  for (const glob of value as string[]) {
    const fault = faultOfGlob(glob);
    if (fault !== undefined)
      throw new MirrorError(
        'bad_value',
        `The option ${name} has the glob ${shownValue(glob)}, which cannot be used: ${fault}.`,
      );
  }
};

const CHECKS: Readonly<Record<keyof MirrorOptions, Check>> = {
  source: path,
  dest: path,
  include: globs,
  exclude: globs,
  delete: toggle,
  checksum: toggle,
  adopt: toggle,
  allowEmptySource: toggle,
  once: toggle,
  poll: toggle,
  scanEveryMs: is(
    `a whole number from 1 to ${TIMER_MS_MAX}`,
    (value) => Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= TIMER_MS_MAX,
  ),
  changeLog: path,
  signal: is('an AbortSignal', (value) => value instanceof AbortSignal),
  logger: is(
    'an object with the functions debug, info, warn and error',
    (value) => missingIn(value, LEVELS) === undefined,
  ),
};

/** Each event becomes a line of the logger: its fields with its name, and its sentence. */
function emitTo(logger: MirrorLogger): Emit {
  return (event: string, fields: Fields = {}) => {
    const level = levelOf(event);
    const name = level === 'fatal' ? 'error' : level === 'trace' ? 'debug' : level;
    const told = 'reason' in fields ? { ...fields, reason: withOptions(String(fields.reason)) } : fields;
    logger[name]({ event, ...told }, sentenceOf(event, told));
  };
}
