/**
 * The rule of each option of a watcher, and the defaults; also the three profiles.
 */
import { resolve } from 'node:path';
import * as rule from '../../base/config/values/option-rules.js';
import { WatcherError } from './errors.js';
import { limits } from './limits.js';
import type { BackendName, WatcherOptions } from './types.js';

/** Options for typical uses. Example: `{ ...profiles.development, ignore: ['node_modules'] }`. */
export const profiles = {
  /** For frequent changes that must be delivered soon. */
  development: { debounceMs: 50, bufferMax: 200 },
  /** For a copy elsewhere that follows the tree. */
  productionReplication: { debounceMs: 200, bufferMax: 100 },
  /** For little memory: few events rather than early ones. */
  lowResource: { debounceMs: 500, bufferMax: 50 },
} as const satisfies Record<string, WatcherOptions>;

const BACKENDS: readonly BackendName[] = ['inotify', 'node', 'poll'];

/** An ending is no glob: `*.part` would only match a name that has the asterisk itself. */
const endings = rule.is(
  'a list of endings of names such as ".part", which are not empty and have no slash and no *',
  (value) => rule.areTexts(value) && !value.some((ending) => /[/*\0]/.test(ending)),
);

/** better-sqlite3 trims spaces at both ends, and would then create a file of another name, or none. */
const file = rule.is(
  'the path of a file: text that is not empty, and that has no space at its front or end',
  (value) => typeof value === 'string' && value !== '' && value === value.trim() && !value.includes('\0'),
);

const RULES: Readonly<Record<keyof WatcherOptions, rule.OptionRule>> = {
  debounceMs: rule.whole(0, rule.TIMER_MS_MAX),
  bufferMax: rule.whole(1, limits.bufferMax),
  ignore: rule.globs,
  include: rule.globs,
  hidden: rule.toggle,
  metadataSuffixes: endings,
  tempSuffixes: endings,
  recursive: rule.toggle,
  poll: rule.toggle,
  backend: rule.is(`one of ${BACKENDS.join(', ')}`, (value) => BACKENDS.includes(value as BackendName)),
  rescanMs: rule.whole(0, rule.TIMER_MS_MAX),
  initial: rule.toggle,
  signal: rule.signal,
  logger: rule.logger,
  statePath: file,
};

/** Without a default. */
type Absent = 'rescanMs' | 'signal' | 'logger' | 'statePath';
type Given<Name extends keyof WatcherOptions> = { [K in Name]-?: NonNullable<WatcherOptions[K]> };

export type Settings = Given<Exclude<keyof WatcherOptions, 'poll' | Absent>> & Partial<Given<Absent>>;

const NODE_RESCAN_MS = 5_000;

/** Errors: WatcherError, op `options`. */
export function settingsOf(options: WatcherOptions): Settings {
  const fault = rule.faultOfOptions(options, RULES);
  if (fault !== undefined) throw refused(fault.sentence);
  const { poll, backend = poll ? 'poll' : defaultBackend(), signal, logger, statePath } = options;
  if (poll && backend !== 'poll')
    throw refused(
      `The options poll: true and backend: ${rule.shownValue(backend)} exclude each other: leave one of the two out.`,
    );
  // `fs.watch` loses events silently.
  const rescanMs = options.rescanMs ?? (backend === 'node' ? NODE_RESCAN_MS : undefined);
  if (rescanMs === 0 && backend === 'poll')
    throw refused(rule.broken('rescanMs', 'above 0 where scans alone find what changed', 0));
  const settings: Settings = {
    backend,
    debounceMs: options.debounceMs ?? 100,
    bufferMax: options.bufferMax ?? 100,
    ignore: [...(options.ignore ?? [])],
    include: [...(options.include ?? [])],
    hidden: options.hidden ?? false,
    metadataSuffixes: [...(options.metadataSuffixes ?? ['.metadata.json'])],
    tempSuffixes: [...(options.tempSuffixes ?? ['.tmp', '~'])],
    recursive: options.recursive ?? true,
    initial: options.initial ?? false,
    ...(rescanMs !== undefined && { rescanMs }),
    ...(signal !== undefined && { signal }),
    ...(logger !== undefined && { logger: rule.guarded(logger, rule.LOGGER_LEVELS) }),
    ...(statePath !== undefined && { statePath: resolve(statePath) }),
  };
  for (const glob of settings.include) checkWanted(glob, settings);
  return settings;
}

const defaultBackend = (): BackendName => (process.platform === 'linux' ? 'inotify' : 'node');

const refused = (sentence: string): WatcherError => new WatcherError('options', '', 'ERR_INVALID_ARG_VALUE', sentence);

/**
 * Refuses a glob of `include` if another option excludes every path that it matches. Globs with braces, parentheses or
 * brackets are not analysed.
 */
function checkWanted(glob: string, { hidden, metadataSuffixes, tempSuffixes }: Settings): void {
  if (/[{([]/.test(glob)) return;
  const says = `The option include has the glob ${rule.shownValue(glob)}, but nothing that it matches is reported`;
  if (!hidden && /(?:^|\/)\.(?!\/)/.test(glob))
    throw refused(`${says}: names that begin with a dot are reported only with hidden: true.`);
  for (const [name, endings] of Object.entries({ metadataSuffixes, tempSuffixes })) {
    const ending = endings.find((one) => glob.endsWith(one));
    if (ending !== undefined) throw refused(`${says}: take ${rule.shownValue(ending)} out of ${name}.`);
  }
}
