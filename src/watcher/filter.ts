/**
 * Decides which names are reported, and which directories are entered.
 * Guarantees: judges each name by itself. Names below a directory that is not entered never come here.
 */

import { type BigIntStats, realpathSync, statSync } from 'node:fs';
import { baseOf, folderOf } from '../files/job-paths.js';
import { type ByteName, bytesOfName, nameOfText } from '../linux/names.js';
import { absolutePath } from './backend/paths.js';
import { matcherOf } from './options/globs.js';
import { limits } from './options/limits.js';
import type { Settings } from './options/options.js';
import type { DeliveredTree } from './reconcile/delivered-tree.js';
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

/** The files of SQLite: the database, its write-ahead log, the index of that log, and its rollback journal. */
const ENDINGS = ['', '-wal', '-shm', '-journal'];

/**
 * Returns a test for the files of the option `statePath`, which must exist, if they are inside a watched tree. Each event changes
 * them, so reporting them would never end. They are recognised by their directory and names, by any path to that directory, and
 * also after it was moved.
 */
function stateFiles(statePath: string | undefined, root: ByteName): (path: ByteName) => boolean {
  if (statePath === undefined) return () => false;
  const real = realOf(statePath);
  const names = new Set(ENDINGS.map((ending) => `${baseOf(real)}${ending}` as ByteName));
  const home = directoryAt(folderOf(real));
  return (path) => {
    if (!names.has(baseOf(path))) return false;
    const directory = directoryAt(absolutePath(root, folderOf(path)));
    return home !== undefined && directory?.ino === home.ino && directory.dev === home.dev;
  };
}

/** Symlinks are resolved, because SQLite puts the other files beside the real file. */
const realOf = (statePath: string): ByteName =>
  realpathSync(statePath, { encoding: 'buffer' }).toString('latin1') as ByteName;

function directoryAt(path: ByteName): BigIntStats | undefined {
  try {
    return statSync(bytesOfName(path === '' ? ('/' as ByteName) : path), { bigint: true });
  } catch {
    // If the directory cannot be read for any reason, the path is not treated as a state file.
    return undefined;
  }
}

const ROOT = '' as ByteName;

/**
 * For a state file that was made with another filter: rows that the new filter excludes are removed from the delivered
 * tree, so that no event is emitted for them, neither as deleted now nor by their next change. Names that the new
 * filter includes are found by the scan, as new. Memory is bounded. If the process ends in between, the next start
 * finishes the work.
 * `filter`: the text of the filter (filterText). Does nothing if the delivered tree was made with the same filter.
 * `goesOn` is asked between two pages; if it returns false, the delivered tree is not touched any more.
 */
export async function forgetFiltered(
  deliveredTree: DeliveredTree,
  { wants, enters }: Filter,
  filter: string,
  goesOn: () => boolean,
): Promise<void> {
  if (deliveredTree.filterKept() === filter) return;
  let parent = ROOT;
  let isEntered = true;
  for (let after: ByteName | undefined; ; ) {
    const page = deliveredTree.all(after, limits.pageMax);
    for (const { path, kind } of page) {
      if (folderOf(path) !== parent) {
        parent = folderOf(path);
        // A directory comes before its content, so a directory that was removed above is no longer found here.
        isEntered = deliveredTree.get(parent) !== undefined && enters(parent);
      }
      if (!isEntered || !wants(path, kind === 'directory')) deliveredTree.remove(path);
    }
    deliveredTree.commit();
    if (page.length < limits.pageMax) break;
    after = page.at(-1)!.path;
    await new Promise((resolve) => setImmediate(resolve));
    if (!goesOn()) return;
  }
  deliveredTree.keepFilter(filter);
  deliveredTree.commit();
}
