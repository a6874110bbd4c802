/**
 * Finds out whether a root contains anything that belongs to the mirror. An empty root looks like a missing filesystem.
 */
import { namesIn } from '../../files/names-in.js';
import { type ByteName, statAtOrNone } from '../../linux/index.js';
import type { Rules } from './rules.js';

/** The first such name at the root; undefined if there is none. */
export function firstContent(rootFd: number, rules: Rules): ByteName | undefined {
  for (const name of namesIn(rootFd)) if (isContent(rootFd, name, rules)) return name;
  return undefined;
}

export function isContent(rootFd: number, name: ByteName, rules: Rules): boolean {
  const found = statAtOrNone(rootFd, name);
  return found !== undefined && rules.covers(name, found.kind === 'directory');
}
