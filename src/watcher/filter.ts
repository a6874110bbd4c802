/**
 * Which names are told, and which directories are entered.
 * Guarantees: judges a name by itself: what lies below a directory that is not entered is never met.
 */

import { baseOf } from '../files/places.js';
import { type ByteName, nameOfText } from '../linux/names.js';
import { matcherOf } from './globs.js';
import type { Settings } from './options.js';

export interface Filter {
  tells(path: ByteName, isDirectory: boolean): boolean;
  enters(path: ByteName): boolean;
}

type FilterSettings = Pick<
  Settings,
  'ignore' | 'include' | 'hidden' | 'metadataSuffixes' | 'tempSuffixes' | 'recursive'
>;

/** `only`: the one name in the root that is told. */
export function makeFilter(settings: FilterSettings, only?: ByteName): Filter {
  const ignored = matcherOf(settings.ignore);
  const included = matcherOf(settings.include);
  const endings = [...settings.metadataSuffixes, ...settings.tempSuffixes].map(nameOfText);

  function tells(path: ByteName, isDirectory: boolean): boolean {
    if (only !== undefined) return path === only;
    const base = baseOf(path);
    if (!settings.hidden && base.startsWith('.')) return false;
    if (ignored?.(path)) return false;
    if (isDirectory) return true;
    if (endings.some((ending) => base.endsWith(ending))) return false;
    return included === undefined || included(path);
  }

  return { tells, enters: (path) => settings.recursive && only === undefined && tells(path, true) };
}
