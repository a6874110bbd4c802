/**
 * Closes hours and days whose `_SUCCESS` is on disk in the rebuilt state as well, so that no line gets into them. The others get theirs,
 * rotated hours too.
 * Does not: find markers that a reader has removed. Such an hour gets its marker again when it is over.
 */
import { globSync, lstatSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Backend, Tx } from '../../../../queue/backend.js';
import type { FeedOptions } from '../../../base/config/options.js';
import { SUCCESS } from '../../../files/job-paths.js';
import { isHour, manifestFiles } from '../../../ingest/manifest/read.js';
import { dateOfHour } from '../../../ingest/periods/period.js';
import { dateFolder, hourFolder, noteOpen } from '../../../ingest/periods/plan.js';
import type { ByteName } from '../../../linux/index.js';

const BATCH = 1_000;

export async function notePeriods(backend: Backend, feed: FeedOptions): Promise<void> {
  if (!feed.successMarkers) return;
  // Also where the manifest was moved away.
  const hours = globSync(`*/*/*/*/${SUCCESS}`, { cwd: feed.manifests }).map(dirname);
  const rotated = new Set<ByteName>();
  for (const { hour, current } of manifestFiles(feed.manifests, 'manifest')) {
    // A worker notes those of current files (periods/close.ts).
    if (hour !== undefined && !current) rotated.add(hour as ByteName);
  }
  const days = readdirSync(feed.warehouse).filter((name) => name.startsWith('ingest_date='));
  const marked = [
    ...hours.filter(isHour).map((hour) => hourFolder(feed, { hour })),
    ...days.map((day) => join(feed.warehouse, day)),
  ].filter((folder) => lstatSync(join(folder, SUCCESS), { throwIfNoEntry: false })?.isFile());
  const open = [...rotated].flatMap((hour) => [
    hourFolder(feed, { hour }),
    dateFolder(feed, { date: dateOfHour(hour) }),
  ]);
  await inBatches(backend, marked, (tx, folders) => {
    for (const folder of folders)
      tx.run("INSERT OR REPLACE INTO periods (folder, state, changed_ms) VALUES (?, 'marked', ?)", folder, tx.wallMs);
  });
  await inBatches(backend, open, noteOpen);
}

async function inBatches(
  backend: Backend,
  folders: readonly string[],
  note: (tx: Tx, folders: readonly string[]) => void,
): Promise<void> {
  for (let at = 0; at < folders.length; at += BATCH)
    await backend.transact((tx) => note(tx, folders.slice(at, at + BATCH)));
}
