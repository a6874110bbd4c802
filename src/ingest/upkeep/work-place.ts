/**
 * Chooses the work directory of a feed: beside the input if possible, else inside it.
 * Guarantees: refuses one into which files of the input cannot be renamed.
 * Does not: make anything.
 */
import { randomUUID } from 'node:crypto';
import { accessSync, closeSync, constants, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { FeedOptions } from '../../base/config/options.js';
import { EnvironmentError } from '../../base/errors.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { boundaryOf, sameMount } from '../../files/mounts.js';
import { errnoOf } from '../../files/place-error.js';
import { AT_FDCWD, nameOfText, renameNoReplace, statAt } from '../../linux/index.js';
import { openRoot } from '../files/feed-files.js';

export const siblingWork = (input: string): string => join(dirname(input), `.${basename(input)}.ingest`);
export const innerWork = (input: string): string => join(input, '.ingest');

/** The work directories that a feed may have, for callers without a state. */
export const possibleWork = (feed: Pick<FeedOptions, 'input' | 'workDir'>): string[] =>
  feed.workDir === undefined ? [siblingWork(feed.input), innerWork(feed.input)] : [feed.workDir];

/** The sibling `.NAME.ingest`. Inside the input, if the sibling would be on another mount or cannot be made. */
export function chooseWork(input: string, emit: Emit): string {
  const sibling = siblingWork(input);
  const why = isOwnPlace(input)
    ? 'the input is a mount or subvolume of its own'
    : whyNotWritable(dirname(input), sibling);
  if (why === undefined) return sibling;
  const inner = innerWork(input);
  emit('work_dir_inside_input', {
    input,
    work_dir: inner,
    why,
    hint: 'an upstream rsync --delete would delete the files in it: exclude .ingest there',
  });
  return inner;
}

/**
 * The kernel compares the mounts of a rename before it looks up the file, so a name that does not exist is enough to ask.
 * Equal device numbers prove nothing: two bind mounts of one filesystem have them. Errors: EnvironmentError.
 */
export function refuseOtherMount(feed: FeedOptions, work: string): void {
  if (!isOtherMount(feed.input, work)) return;
  throw new EnvironmentError(
    'work_dir_elsewhere',
    `--work-dir of feed ${feed.name} must be on the mount of --input (${feed.input}), because a complete file is renamed into it, but ${work} is on another filesystem or mount (EXDEV); name a directory beside the input, or none.`,
  );
}

/** `work` may be missing: it is made in its parent then. */
export function isOtherMount(input: string, work: string): boolean {
  const nobody = nameOfText(`.ingest-nobody.${randomUUID()}`);
  const at = statSync(work, { throwIfNoEntry: false }) ? work : dirname(work);
  const opened: number[] = [];
  try {
    for (const path of [input, at]) opened.push(openRoot(path));
    const [from, to] = opened as [number, number];
    // A subvolume of btrfs is on the same mount, and the kernel would miss the name first.
    if (!sameMount(from, to)) return true;
    renameNoReplace(from, nobody, to, nobody);
  } catch (error) {
    // ENOENT: one mount. A root that is missing or refused is reported, with its own message, when it is used.
    const code = errnoOf(error);
    if (code === undefined) throw error;
    return code === 'EXDEV';
  } finally {
    for (const fd of opened) closeSync(fd);
  }
  return false;
}

/** Opens nothing: an input that this user may not read is reported, with its own message, when it is used. */
function isOwnPlace(path: string): boolean {
  const boundary = (at: string) => boundaryOf(statAt(AT_FDCWD, nameOfText(at)));
  return boundary(path) !== boundary(dirname(path));
}

function whyNotWritable(parent: string, sibling: string): string | undefined {
  // A sibling that is there is the work directory, also where it is closed to this user: files are sealed in it.
  if (statSync(sibling, { throwIfNoEntry: false })) return undefined;
  try {
    accessSync(parent, constants.W_OK | constants.X_OK);
    return undefined;
  } catch {
    return `${parent} cannot be written by this user`;
  }
}
