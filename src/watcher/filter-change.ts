/**
 * A state that was made by another filter: what is told no more goes from the picture, so that nobody is told of it, neither
 * as deleted now nor by its next change. What is told for the first time is met by the scan, as new.
 * Guarantees: memory is bounded; an end in the midst of it is made good by the next start.
 */
import { folderOf } from '../files/places.js';
import type { ByteName } from '../linux/names.js';
import type { Filter } from './filter.js';
import { limits } from './options/limits.js';
import type { DeliveredTree } from './reconcile/delivered-tree.js';

const ROOT = '' as ByteName;

/**
 * `filter`: the text of the filter (filterText). Nothing is walked where the picture was made by the same. `goesOn` is asked
 * between two pages; where it says no, the picture is not touched any more.
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
        // A directory comes before what it holds, so one that was forgotten is not there any more.
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
