/**
 * Makes a batch of files durable. Many: one `syncfs` (1,000 files: 12–120 ms, against 190–545 ms for an fdatasync each),
 * which covers their directories too; few: fdatasync each, sixteen at a time.
 * Guarantees: what was passed is on disk when this returns. An error is never tried again here: the kernel has dropped
 * the dirty pages by then, and a second call would only lie.
 */
import { closeSync, fdatasync } from 'node:fs';
import { promisify } from 'node:util';
import { type ByteName, fsKindOf, syncFs } from '../linux/index.js';
import type { Directories } from './directories.js';
import { PlaceError } from './place-error.js';
import { openEntry } from './probe.js';

const fdatasyncAsync = promisify(fdatasync);

/** From so many files on, one syncfs is cheaper. */
const SYNCFS_FROM = 48;
const PARALLEL = 16;

/** A syncfs that took longer than this paid for strangers' data; the next batches sync file by file. */
const SLOW_MS = 400;
const SLOW_PAUSE_BATCHES = 20;
/** One slow syncfs is no sign: the first after a large drop pays for all that lay there before. */
const SLOW_IN_A_ROW = 2;
let slow = 0;
let pause = 0;

/**
 * The files at `paths` below `directories` are on disk: bytes, and (after a syncfs) names. Bytes of an uploader are older
 * than any descriptor of ours, so an earlier write-back error of theirs cannot be seen by anybody.
 */
export async function syncFiles(directories: Directories, paths: readonly ByteName[]): Promise<void> {
  if (paths.length === 0) return;
  if (paths.length >= SYNCFS_FROM && pause === 0 && fsKindOf(directories.rootFd).syncfsHonoured) {
    const started = performance.now();
    await syncFs(directories.rootFd);
    slow = performance.now() - started > SLOW_MS ? slow + 1 : 0;
    if (slow >= SLOW_IN_A_ROW) pause = SLOW_PAUSE_BATCHES;
    return;
  }
  if (pause > 0) pause--;
  await eachOf(paths, async (path) => {
    const opened = openEntry(directories.entry(path));
    // Gone meanwhile: nothing is left to be made durable; whoever needs the file will find that out by himself.
    if (opened.fd === undefined) return;
    try {
      await fdatasyncAsync(opened.fd);
    } finally {
      closeSync(opened.fd);
    }
  });
}

async function eachOf<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) await act(items[next++]!);
  };
  const ended = await Promise.allSettled(Array.from({ length: Math.min(PARALLEL, items.length) }, lane));
  const errors = ended.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
  // A failing place is met again at the next try; a failed sync must be known, since it is not.
  const [error] = [...errors.filter((one) => !(one instanceof PlaceError)), ...errors];
  if (error !== undefined) throw error;
}
