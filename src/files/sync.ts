/**
 * Makes a batch of files durable. Many files: one `syncfs`, which covers their directories too (1,000 files: 12–120 ms,
 * against 190–545 ms with an fdatasync each). Few files: one fdatasync each, sixteen at a time.
 * Guarantees: the files are on disk on return. A failed sync is never tried again here: the kernel has dropped the
 * dirty pages by then, and a second call would wrongly report success.
 */
import { closeSync, fdatasync } from 'node:fs';
import { promisify } from 'node:util';
import { type ByteName, fsKindOf, syncFs } from '../linux/index.js';
import type { Directories } from './directories.js';
import { PlaceError } from './place-error.js';
import { openEntry } from './probe.js';

const fdatasyncAsync = promisify(fdatasync);

/** From this many files on, one syncfs is cheaper. */
const SYNCFS_FROM = 48;
const PARALLEL = 16;

/** A syncfs slower than this also wrote other processes' data; the next batches then sync file by file. */
const SLOW_MS = 400;
const SLOW_PAUSE_BATCHES = 20;
/** One slow syncfs is not enough: the first one after a large drop also writes everything that was there before. */
const SLOW_IN_A_ROW = 2;
let slow = 0;
let pause = 0;

/**
 * Makes the files at `paths` below `directories` durable: their bytes, and (after a syncfs) their names. An uploader
 * wrote the bytes before we opened the file, so nobody can see an earlier write-back error of the uploader.
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
    // The file has gone meanwhile, so there is nothing to make durable. Later steps notice that by themselves.
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
  // A failing place is met again at the next try. A failed sync must be reported now, because it is not repeated.
  const [error] = [...errors.filter((one) => !(one instanceof PlaceError)), ...errors];
  if (error !== undefined) throw error;
}
