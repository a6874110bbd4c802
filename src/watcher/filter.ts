/**
 * Decides which names are reported, and which directories are entered.
 * Guarantees: judges each name by itself. Names below a directory that is not entered never come here.
 */

import { baseOf } from '../files/job-paths.js';
import { type ByteName, nameOfText } from '../linux/names.js';
import { matcherOf } from './options/globs.js';
import type { Settings } from './options/options.js';
import { realOf, stateFiles } from './options/state-files.js';
import type { WatchRoot } from './root-watch.js';

export interface Filter {
  wants(path: ByteName, isDirectory: boolean): boolean;
  enters(path: ByteName): boolean;
}

type FilterSettings = Pick<
  Settings,
  'ignore' | 'include' | 'hidden' | 'metadataSuffixes' | 'tempSuffixes' | 'recursive' | 'statePath'
>;

export function makeFilter(settings: FilterSettings, { root, only }: WatchRoot): Filter {
  const ignored = matcherOf(settings.ignore);
  const included = matcherOf(settings.include);
  const endings = [...settings.metadataSuffixes, ...settings.tempSuffixes].map(nameOfText);
  const isState = stateFiles(settings.statePath, root);

  function wants(path: ByteName, isDirectory: boolean): boolean {
    if (isState(path)) return false;
    if (only !== undefined) return path === only;
    const base = baseOf(path);
    if (!settings.hidden && base.startsWith('.')) return false;
    if (ignored?.(path)) return false;
    if (isDirectory) return true;
    if (endings.some((ending) => base.endsWith(ending))) return false;
    return included === undefined || included(path);
  }

  return { wants, enters: (path) => settings.recursive && only === undefined && wants(path, true) };
}

/**
 * A text that is equal as long as the same names pass. The state file stores the text of the filter that it was made
 * with.
 */
export function filterText(settings: FilterSettings): string {
  const { ignore, include, hidden, metadataSuffixes, tempSuffixes, recursive, statePath } = settings;
  const state = statePath === undefined ? '' : realOf(statePath);
  const endings = [...metadataSuffixes, ...tempSuffixes];
  return JSON.stringify([...[ignore, include, endings].map((list) => list.toSorted()), hidden, recursive, state]);
}
