/**
 * Where the work directory of a feed is: beside the input where it can be, inside it where it must.
 * Does not: make anything.
 */
import { accessSync, closeSync, constants, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { FeedOptions } from '../config/options.js';
import { openRoot } from '../files/feed-files.js';
import { statFd } from '../linux/index.js';
import type { Emit } from './roots.js';

export const siblingWork = (input: string): string => join(dirname(input), `.${basename(input)}.ingest`);
export const innerWork = (input: string): string => join(input, '.ingest');

/** Where the work directory of a feed may be, when no state says it. */
export const possibleWork = (feed: Pick<FeedOptions, 'input' | 'workDir'>): string[] =>
  feed.workDir === undefined ? [siblingWork(feed.input), innerWork(feed.input)] : [feed.workDir];

/** The sibling `.NAME.ingest`; inside the input where that cannot be on the same mount, or not be made. */
export function chooseWork(input: string, emit: Emit): string {
  const sibling = siblingWork(input);
  const why = isMountPoint(input) ? 'the input is a mount point of its own' : whyNotWritable(dirname(input), sibling);
  if (why === undefined) return sibling;
  const inner = innerWork(input);
  emit('work_dir_inside_input', {
    input,
    work_dir: inner,
    why,
    hint: 'an upstream rsync --delete would delete what lies in it: exclude .ingest there',
  });
  return inner;
}

function isMountPoint(path: string): boolean {
  const [here, above] = [openRoot(path), openRoot(dirname(path))];
  try {
    const [a, b] = [statFd(here), statFd(above)];
    return a.mountId !== undefined ? a.mountId !== b.mountId : a.dev !== b.dev;
  } finally {
    closeSync(here);
    closeSync(above);
  }
}

function whyNotWritable(parent: string, sibling: string): string | undefined {
  try {
    accessSync(statSync(sibling, { throwIfNoEntry: false }) ? sibling : parent, constants.W_OK | constants.X_OK);
    return undefined;
  } catch {
    return `${parent} cannot be written by this user`;
  }
}
