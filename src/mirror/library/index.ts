/**
 * `atomic-ingestor/mirror`: keeps a directory a mirror of another one, as ingest-replicate does. docs/replicate.md says how to
 * use it.
 */
import { resolve } from 'node:path';
import * as rule from '../../base/config/values/option-rules.js';
import { asOperatorError } from '../../base/errors.js';
import type { Emit, Fields } from '../../base/telemetry/emit.js';
import { levelOf, sentenceOf } from '../../base/telemetry/events.js';
import { planReplica as plan, replicate as start } from '../index.js';
import { realDirectories } from '../open.js';
import type {
  Mirroring,
  MirrorLogger,
  MirrorOptions,
  MirrorResult,
  PlannedAct,
  ReplicateOptions,
} from '../trees/types.js';

export type {
  Mirroring,
  MirrorLogger,
  MirrorOptions,
  MirrorResult,
  MirrorStatus,
  MirrorTotals,
  Passed,
  PlannedAct,
  Unmirrored,
} from '../trees/types.js';

/**
 * Makes `dest` like `source`, and keeps it so until it is stopped. Resolves when both directories were checked and `dest` was
 * claimed; nothing is changed before. Errors: MirrorError.
 */
export async function replicate(options: MirrorOptions): Promise<Mirroring> {
  try {
    const running = await start(replicateOptions(options));
    const done = ended(running, options.signal);
    const stop = () => {
      void running.stop();
      return done;
    };
    return { ...running, done, stop };
  } catch (error) {
    throw asMirrorError(error);
  }
}

/** Calls `onAct` for each thing that `replicate` with `once` would do, in order. Changes nothing. Errors: MirrorError. */
export async function planReplica(options: MirrorOptions, onAct: (act: PlannedAct) => void): Promise<void> {
  try {
    await plan(replicateOptions(options), onAct);
  } catch (error) {
    throw asMirrorError(error);
  }
}

async function ended(running: Mirroring, signal: AbortSignal | undefined): Promise<MirrorResult> {
  const stop = () => void running.stop();
  signal?.addEventListener('abort', stop);
  if (signal?.aborted) stop();
  try {
    return await running.done;
  } catch (error) {
    throw asMirrorError(error);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/**
 * The options, checked. An option that may not be so ends in a sentence with its name, the rule and the value. Errors: MirrorError;
 * OperatorError and EnvironmentError where a directory cannot be used.
 */
function replicateOptions(options: MirrorOptions): ReplicateOptions {
  checkEach(options);
  const { source, dest, changeLog, logger: given, signal: _, ...rest } = options;
  return {
    ...rest,
    ...realDirectories({ origin: 'source', path: source }, { origin: 'dest', path: dest }),
    ...(changeLog !== undefined && { changeLog: resolve(changeLog) }),
    ...(given !== undefined && { emit: emitTo(rule.guarded(given, rule.LOGGER_LEVELS)) }),
  };
}

function checkEach(options: MirrorOptions): void {
  const fault = rule.faultOfOptions(options, RULES);
  if (fault !== undefined) throw new MirrorError(fault.isUnknown ? 'unknown_option' : 'bad_value', fault.sentence);
  for (const name of ['source', 'dest'] as const) {
    if (options[name] === undefined)
      throw new MirrorError('missing_option', `The option ${name} is missing: name a directory.`);
  }
}

const path = rule.is(
  'a path that is not empty',
  (value) => typeof value === 'string' && value !== '' && !value.includes('\0'),
);

const RULES: Readonly<Record<keyof MirrorOptions, rule.OptionRule>> = {
  source: path,
  dest: path,
  include: rule.globs,
  exclude: rule.globs,
  delete: rule.toggle,
  checksum: rule.toggle,
  adopt: rule.toggle,
  allowEmptySource: rule.toggle,
  once: rule.toggle,
  poll: rule.toggle,
  scanEveryMs: rule.whole(1, rule.TIMER_MS_MAX),
  changeLog: path,
  signal: rule.signal,
  logger: rule.logger,
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

/** The error that the library throws. Its message is a sentence with the path or option, the rule and the next step. */
export class MirrorError extends Error {
  override readonly name = 'MirrorError';
  constructor(
    /** One of the codes in docs/replicate.md: `source_missing`, `dest_not_ours`, `bad_value`, … */
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Returns the error of the mirror as a MirrorError. Any other error is a bug, and is returned as it is. */
function asMirrorError(error: unknown): unknown {
  const known = error instanceof MirrorError ? undefined : asOperatorError(error);
  return known === undefined ? error : new MirrorError(known.code, withOptions(known.message), { cause: error });
}

/** The sentences are those of ingest-replicate. They name its flags; a caller of the library has options instead. */
const withOptions = (message: string): string =>
  message.replace(/--(no-delete|[a-z]+(?:-[a-z]+)*)/g, (flag, name: string) => OPTIONS[name] ?? flag);

const OPTIONS: Record<string, string> = {
  adopt: 'adopt: true',
  'allow-empty-source': 'allowEmptySource: true',
  'change-log': 'changeLog',
  checksum: 'checksum: true',
  exclude: 'exclude',
  'no-delete': 'delete: false',
  poll: 'poll: true',
};
