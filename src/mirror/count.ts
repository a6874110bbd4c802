/**
 * Counts the files of SOURCE that the rules cover, and their bytes, for who waits for the end. It goes on beside the mirror, and gives
 * way to it after each slice of names.
 * Does not: refuse anything; what cannot be read is not counted.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { Directories } from '../files/directories.js';
import { namesIn } from '../files/names-in.js';
import { errnoOf } from '../files/place-error.js';
import { type ByteName, joinNames, type Stat, statAtOrNone } from '../linux/index.js';
import { openRoot } from './trees/check-dest.js';
import { limits } from './trees/limits.js';
import { Rules } from './trees/rules.js';
import type { Passed, ReplicateOptions } from './trees/types.js';

/** Undefined where `isOver` came first. */
export async function countSource(options: ReplicateOptions, isOver: () => boolean): Promise<Passed | undefined> {
  const rules = new Rules(options);
  const all: Passed = { files: 0, bytes: 0 };
  const root = new Directories(openRoot(options.source));
  const pending = ['' as ByteName];
  try {
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      for (const slice of slicesOf(root, at)) {
        await turn();
        if (isOver()) return undefined;
        for (const { path, stat } of slice) {
          if (!rules.covers(path, stat.kind === 'directory')) continue;
          if (stat.kind === 'directory') pending.push(path);
          if (stat.kind !== 'file') continue;
          all.files++;
          all.bytes += stat.size;
        }
      }
    }
    return all;
  } finally {
    root.close();
  }
}

function* slicesOf(root: Directories, at: ByteName): Generator<{ path: ByteName; stat: Stat }[]> {
  let slice: { path: ByteName; stat: Stat }[] = [];
  try {
    for (const name of namesIn(root.directory(at))) {
      const stat = statAtOrNone(root.directory(at), name);
      if (stat) slice.push({ path: joinNames(at, name), stat });
      if (slice.length < limits.sliceNames) continue;
      yield slice;
      slice = [];
    }
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
  yield slice;
}
