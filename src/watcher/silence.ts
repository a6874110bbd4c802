/** The first look at a tree of which nothing is to be told: what lies there is taken over into the picture. */
import type { Hint, Mark } from './engine/types.js';
import type { Reconciler } from './reconciler.js';

export async function noteSilently(reconciler: Reconciler, marks: readonly Mark<Hint>[]): Promise<void> {
  const { picture } = reconciler;
  for (const { path } of marks) {
    const seen = reconciler.look(path);
    if (seen === 'unknown') continue;
    const known = picture.get(path);
    if (known?.kind === 'directory' && seen?.kind !== 'directory') await reconciler.leaveBelow(path);
    if (seen !== undefined) picture.put(path, seen, 0);
    else if (known !== undefined) picture.remove(path, 0);
  }
}
