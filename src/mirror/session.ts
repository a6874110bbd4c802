/**
 * A session of work on both trees: they are opened, worked on, finished and closed.
 */
import { closeSync } from 'node:fs';
import { finishDirectories } from './acts/attributes.js';
import type { Parts } from './acts/parts.js';
import { removeAside } from './trees/leftovers.js';
import { Trees } from './trees/trees.js';
import type { Trouble } from './trouble.js';

export type Session = <T>(work: (trees: Trees) => Promise<T>) => Promise<T>;

/** When it resolves, the work is on disk. Errors: SourceMissing, DestMissing, those of `work`. */
export const sessionOf =
  (parts: Parts, trouble: Trouble): Session =>
  async (work) => {
    const trees = open(parts);
    try {
      const done = await work(trees);
      await trees.lanes.idle();
      await finishIn(trees, parts, trouble);
      for (const name of trees.aside) await removeAside(trees.making, name, parts.dest.path, parts.emit);
      return done;
    } finally {
      await trees.lanes.idle().catch(() => {});
      trees.close();
    }
  };

export async function finishIn(trees: Trees, { compare }: Parts, trouble: Trouble): Promise<void> {
  for (const { path, error } of await finishDirectories(trees, compare)) trouble.failed(path, error);
}

function open({ source, dest }: Parts): Trees {
  const sourceFd = source.open();
  let destFd: number;
  try {
    destFd = dest.open();
  } catch (error) {
    closeSync(sourceFd);
    throw error;
  }
  return new Trees(sourceFd, destFd);
}
