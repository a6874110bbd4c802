/**
 * Closes hours and days whose `_SUCCESS` is on disk in the rebuilt state as well, so that no line gets into them.
 * Does not: find markers that a reader has removed. Such an hour gets its marker again when it is over.
 */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Backend } from '../../../../queue/backend.js';
import type { FeedOptions } from '../../../base/config/options.js';
import { SUCCESS } from '../../../files/job-paths.js';
import { manifestFiles } from '../../../ingest/manifest/read.js';

const BATCH = 1_000;

export async function noteMarked(backend: Backend, feed: FeedOptions): Promise<void> {
  if (!feed.successMarkers) return;
  const hours = new Set<string>();
  for (const { hour } of manifestFiles(feed.manifests, 'manifest')) if (hour !== undefined) hours.add(hour);
  const days = readdirSync(feed.warehouse).filter((name) => name.startsWith('ingest_date='));
  const marked = [
    ...[...hours].map((hour) => join(feed.manifests, hour)),
    ...days.map((day) => join(feed.warehouse, day)),
  ].filter((folder) => lstatSync(join(folder, SUCCESS), { throwIfNoEntry: false })?.isFile());
  for (let at = 0; at < marked.length; at += BATCH)
    await backend.transact((tx) => {
      for (const folder of marked.slice(at, at + BATCH))
        tx.run("INSERT OR REPLACE INTO periods (folder, state, changed_ms) VALUES (?, 'marked', ?)", folder, tx.wallMs);
    });
}
