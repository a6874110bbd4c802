/**
 * Handles known paths that a scan did not find. They are judged at the end of the scan: until then they may be found
 * under another name.
 * Guarantees: memory is bounded. Paths noted by a scan that did not finish are judged by the next one.
 */
import { type ByteName, joinNames } from '../../linux/names.js';
import type { ScanStep } from '../backend/types.js';
import { limits } from '../options/limits.js';
import type { Reconciler } from './reconciler.js';

export async function sweep(reconciler: Reconciler, { listed, done }: ScanStep): Promise<void> {
  for (const directory of listed) {
    // Most directories have one page, and nothing to wait for.
    let last = sweepPage(reconciler, directory, undefined);
    while (last !== undefined) {
      await reconciler.turn();
      last = sweepPage(reconciler, directory, last);
    }
  }
  if (done) await judgeMissing(reconciler);
}

/**
 * Notes the delivered names of a directory that are no longer in it, directly after it was read. Returns the name after
 * which the next page begins.
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
