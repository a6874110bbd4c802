/** From a path that an operator wrote to the feeds and keys that it may mean. */
import { isAbsolute, relative, resolve } from 'node:path';
import type { QueueView } from '../../queue/index.js';
import { withRealParent } from '../files/real-parent.js';
import { bytesOfName, nameOfText } from '../linux/index.js';

/** Absolute, relative to where the operator stands, or relative to an input, as logs show it. */
export function keysOf(view: Pick<QueueView, 'feeds'>, word: string): { feed: string; key: Buffer }[] {
  const absolute = withRealParent(resolve(word));
  return view.feeds().flatMap(({ name, options }) => {
    const inside = relative(String(options.input ?? ''), absolute);
    const isBelow = inside !== '' && inside !== '..' && !inside.startsWith('../') && !isAbsolute(inside);
    const paths = [...(isBelow ? [inside] : []), ...(isAbsolute(word) ? [] : [word])];
    return [...new Set(paths)].map((path) => ({ feed: name, key: bytesOfName(nameOfText(path)) }));
  });
}
