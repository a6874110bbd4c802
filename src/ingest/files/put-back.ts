/**
 * Puts a file that was taken from a place where others write back to its name there: the way back of `take`.
 * Guarantees: nothing is overwritten, and the file keeps a name until it is back.
 * Does not: sync the folder of a file that was renamed.
 */
import { closeSync, fsyncSync } from 'node:fs';
import { copyTo } from '../../files/copy.js';
import type { Entry } from '../../files/directories.js';
import { deliver, deliverCopy } from '../../files/moves.js';
import { openEntry } from '../../files/probe.js';
import { statFd, unlinkAt } from '../../linux/index.js';
import type { FeedFiles, WorkKey } from './feed-files.js';

/** False where another file lies there, or where it must be copied and cannot be read: it stays then. */
export async function putBack(files: FeedFiles, job: WorkKey, from: Entry, to: Entry): Promise<boolean> {
  const came = deliver(from, to);
  if (came !== 'across') return came === 'renamed';
  // Its uploader owns it, and it may not be linked.
  const opened = openEntry(from);
  if (opened.fd === undefined) return false;
  const copy = files.makeWorkEntry(job, 'partial');
  try {
    await copyTo(opened.fd, statFd(opened.fd), copy);
  } finally {
    closeSync(opened.fd);
  }
  if (deliverCopy(copy, to) === 'exists') {
    unlinkAt(copy.dir, copy.name);
    return false;
  }
  fsyncSync(to.dir);
  unlinkAt(from.dir, from.name);
  return true;
}
