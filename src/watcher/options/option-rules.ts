/**
 * The rule of each option.
 */
import {
  areTexts,
  globs,
  is,
  logger,
  type OptionRule,
  signal,
  TIMER_MS_MAX,
  toggle,
  whole,
} from '../../base/config/values/option-rules.js';
import { limits } from './limits.js';
import type { BackendName, WatcherOptions } from './types.js';

const BACKENDS: readonly BackendName[] = ['inotify', 'node', 'poll'];

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

export const RULES: Readonly<Record<keyof WatcherOptions, OptionRule>> = {
  debounceMs: whole(0, TIMER_MS_MAX),
  bufferMax: whole(1, limits.bufferMax),
  ignore: globs,
  include: globs,
  hidden: toggle,
  metadataSuffixes: endings,
  tempSuffixes: endings,
  recursive: toggle,
  poll: toggle,
  backend: is(`one of ${BACKENDS.join(', ')}`, (value) => BACKENDS.includes(value as BackendName)),
  rescanMs: whole(0, TIMER_MS_MAX),
  initial: toggle,
  signal,
  logger,
  statePath: file,
};
