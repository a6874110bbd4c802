/** The options of a watcher with their defaults, checked; and the three profiles. */
import { WatcherError } from './errors.js';
import type { BackendName, WatcherOptions } from './types.js';

/** Options by what a watcher is for; `{ ...profiles.development, ignore: ['node_modules'] }`. */
export const profiles = {
  /** Changes come often and are wanted soon. */
  development: { debounceMs: 50, bufferMax: 200 },
  /** A copy elsewhere follows the tree. */
  productionReplication: { debounceMs: 200, bufferMax: 100 },
  /** Little memory, and few events rather than early ones. */
  lowResource: { debounceMs: 500, bufferMax: 50 },
} as const satisfies Record<string, WatcherOptions>;

export type Settings = Required<
  Omit<WatcherOptions, 'poll' | 'backend' | 'rescanMs' | 'signal' | 'logger' | 'statePath'>
> & {
  backend: BackendName;
} & Pick<WatcherOptions, 'rescanMs' | 'signal' | 'logger' | 'statePath'>;

const NODE_RESCAN_MS = 5_000;
const BACKENDS: readonly BackendName[] = ['inotify', 'node', 'poll'];

/** Errors: WatcherError, op `options`. */
export function settingsOf(options: WatcherOptions): Settings {
  const { poll, backend = poll ? 'poll' : defaultBackend(), signal, logger, statePath } = options;
  if (!BACKENDS.includes(backend)) throw wrong('backend', `one of ${BACKENDS.join(', ')}`, backend);
  if (poll && backend !== 'poll') throw wrong('backend', `'poll', or absent, where poll is true`, backend);
  // `fs.watch` loses events without a word.
  const rescanMs = options.rescanMs ?? (backend === 'node' ? NODE_RESCAN_MS : undefined);
  if (rescanMs !== undefined) checkNumber('rescanMs', rescanMs, 0);
  if (rescanMs === 0 && backend === 'poll') throw wrong('rescanMs', 'above 0 where scans alone find what changed', 0);
  return {
    backend,
    debounceMs: checkNumber('debounceMs', options.debounceMs ?? 100, 0),
    bufferMax: checkNumber('bufferMax', options.bufferMax ?? 100, 1),
    ignore: checkTexts('ignore', options.ignore ?? []),
    include: checkTexts('include', options.include ?? []),
    hidden: options.hidden ?? false,
    metadataSuffixes: checkTexts('metadataSuffixes', options.metadataSuffixes ?? ['.metadata.json']),
    tempSuffixes: checkTexts('tempSuffixes', options.tempSuffixes ?? ['.tmp', '~']),
    recursive: options.recursive ?? true,
    initial: options.initial ?? false,
    ...(rescanMs !== undefined && { rescanMs }),
    ...(signal !== undefined && { signal }),
    ...(logger !== undefined && { logger }),
    ...(statePath !== undefined && { statePath }),
  };
}

const defaultBackend = (): BackendName => (process.platform === 'linux' ? 'inotify' : 'node');

function checkNumber(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw wrong(name, `a whole number of at least ${least}`, value);
}

function checkTexts(name: string, value: string[]): string[] {
  if (Array.isArray(value) && value.every((text) => typeof text === 'string' && text !== '')) return value;
  throw wrong(name, 'a list of texts that are not empty', value);
}

const wrong = (name: string, rule: string, value: unknown): WatcherError =>
  new WatcherError(
    'options',
    '',
    'ERR_INVALID_ARG_VALUE',
    `The option ${name} has to be ${rule}, and is ${JSON.stringify(value)}: correct it.`,
  );
