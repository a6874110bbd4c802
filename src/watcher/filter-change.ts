/**
 * A state file that was made with another filter. Rows that the new filter excludes are removed from the delivered
 * tree, so that no event is emitted for them, neither as deleted now nor by their next change. Names that the new
 * filter includes are found by the scan, as new.
 * Guarantees: memory is bounded. If the process ends in between, the next start finishes the work.
 */
import { folderOf } from '../files/job-paths.js';
import type { ByteName } from '../linux/names.js';
import type { Filter } from './filter.js';
import { limits } from './options/limits.js';
import type { DeliveredTree } from './reconcile/delivered-tree.js';

const ROOT = '' as ByteName;

/**
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
