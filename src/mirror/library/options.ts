/** The options of the library, checked. An option that may not be so ends in a sentence with its name, the rule and the value. */
import { resolve } from 'node:path';
import {
  faultOfOptions,
  globs,
  is,
  LOGGER_LEVELS,
  logger,
  type OptionRule,
  signal,
  TIMER_MS_MAX,
  toggle,
  whole,
} from '../../base/config/values/option-rules.js';
import type { Emit, Fields } from '../../base/telemetry/emit.js';
import { levelOf, sentenceOf } from '../../base/telemetry/events.js';
import { guarded } from '../../base/telemetry/guarded-logger.js';
import { realDirectories } from '../real-directories.js';
import type { MirrorLogger, MirrorOptions, ReplicateOptions } from '../trees/types.js';
import { MirrorError, withOptions } from './errors.js';

/** Errors: MirrorError; OperatorError and EnvironmentError where a directory cannot be used. */
export function replicateOptions(options: MirrorOptions): ReplicateOptions {
  checkEach(options);
  const { source, dest, changeLog, logger: given, signal: _, ...rest } = options;
  return {
    ...rest,
    ...realDirectories({ origin: 'source', path: source }, { origin: 'dest', path: dest }),
    ...(changeLog !== undefined && { changeLog: resolve(changeLog) }),
    ...(given !== undefined && { emit: emitTo(guarded(given, LOGGER_LEVELS)) }),
  };
}

function checkEach(options: MirrorOptions): void {
  const fault = faultOfOptions(options, RULES);
  if (fault !== undefined) throw new MirrorError(fault.isUnknown ? 'unknown_option' : 'bad_value', fault.sentence);
  for (const name of ['source', 'dest'] as const) {
    if (options[name] === undefined)
      throw new MirrorError('missing_option', `The option ${name} is missing: name a directory.`);
  }
}

const path = is(
  'a path that is not empty',
  (value) => typeof value === 'string' && value !== '' && !value.includes('\0'),
);

const RULES: Readonly<Record<keyof MirrorOptions, OptionRule>> = {
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
  scanEveryMs: whole(1, TIMER_MS_MAX),
  changeLog: path,
  signal,
  logger,
};

/** Each event becomes a line of the logger: its fields with its name, and its sentence. */
function emitTo(to: MirrorLogger): Emit {
  return (event: string, fields: Fields = {}) => {
    const level = levelOf(event);
    const name = level === 'fatal' ? 'error' : level === 'trace' ? 'debug' : level;
    const told = 'reason' in fields ? { ...fields, reason: withOptions(String(fields.reason)) } : fields;
    to[name]({ event, ...told }, sentenceOf(event, told));
  };
}
