/**
 * What a scan did not meet. It is judged at the scan's end alone: until then it may turn up under another name.
 * Guarantees: memory is bounded; what was noted by a scan that did not come to its end is judged by the next.
 */
import { type ByteName, joinNames } from '../../linux/names.js';
import type { ScanStep } from '../backend/types.js';
import { limits } from '../options/limits.js';
import type { Reconciler } from './reconciler.js';

export async function sweep(reconciler: Reconciler, { listed, done }: ScanStep): Promise<void> {
  for (const directory of listed) {
    // Most have one page, and nothing to be awaited.
    let last = sweepPage(reconciler, directory, undefined);
    while (last !== undefined) {
      await reconciler.turn();
      last = sweepPage(reconciler, directory, last);
    }
  }
  if (done) await judgeMissing(reconciler);
}

/**
 * Notes what was told directly in a directory that was just read, and is not there any more. Answers the name behind which
 * the next page begins.
 */
function sweepPage(reconciler: Reconciler, directory: ByteName, after: ByteName | undefined): ByteName | undefined {
  const { deliveredTree } = reconciler;
  const page = deliveredTree.namesIn(directory, after, limits.pageMax);
  for (const name of page) {
    const path = joinNames(directory, name);
    if (reconciler.look(path) === undefined) deliveredTree.noteMissing(path);
  }
  return page.length < limits.pageMax ? undefined : page.at(-1);
}

async function judgeMissing(reconciler: Reconciler): Promise<void> {
  const { deliveredTree } = reconciler;
  for (;;) {
    const missing = deliveredTree.takeMissing(limits.pageMax);
    if (missing.length === 0) return;
    for (const path of missing) {
      if (reconciler.look(path) === undefined) await reconciler.addPending(path, 'delete');
    }
  }
}
