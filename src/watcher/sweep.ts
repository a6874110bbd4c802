/**
 * What a scan did not meet. It is judged at the scan's end alone: until then it may turn up under another name.
 * Guarantees: memory is bounded; what was noted by a scan that did not come to its end is judged by the next.
 */
import { baseOf } from '../files/places.js';
import type { ByteName } from '../linux/names.js';
import { limits } from './limits.js';
import type { Reconciler } from './reconciler.js';

/** Of a directory that was just read: notes what was told directly in it and is not there any more. */
export async function sweep(reconciler: Reconciler, directory: ByteName): Promise<void> {
  const { picture } = reconciler;
  for (let after: ByteName | undefined; ; ) {
    const page = picture.children(directory, after, limits.pageMax);
    for (const { path } of page) if (reconciler.look(path) === undefined) picture.noteMissing(path);
    if (page.length < limits.pageMax) return;
    after = baseOf(page.at(-1)!.path);
    await reconciler.turn();
  }
}

export async function judgeMissing(reconciler: Reconciler): Promise<void> {
  const { picture } = reconciler;
  for (;;) {
    const missing = picture.takeMissing(limits.pageMax);
    if (missing.length === 0) return;
    for (const path of missing) {
      const known = picture.get(path);
      if (known !== undefined && reconciler.look(path) === undefined) await reconciler.delete(known);
    }
  }
}
