/** Whether the root of a side has anything that belongs to the mirror: an empty one is what a missing filesystem looks like. */
import { namesIn } from '../../files/names-in.js';
import { type ByteName, statAtOrNone } from '../../linux/index.js';
import type { Rules } from './rules.js';

/** A name at the root; undefined where there is none. */
export function firstContent(rootFd: number, rules: Rules): ByteName | undefined {
  for (const name of namesIn(rootFd)) if (isContent(rootFd, name, rules)) return name;
  return undefined;
}

export function isContent(rootFd: number, name: ByteName, rules: Rules): boolean {
  const found = statAtOrNone(rootFd, name);
  return found !== undefined && rules.covers(name, found.kind === 'directory');
}
