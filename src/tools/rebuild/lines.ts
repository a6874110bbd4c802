/** Reads corrections and manifests of a feed into the new state, in batches. */

import { statSync } from 'node:fs';
import type { Backend, Tx } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { FeedFiles } from '../../ingest/files/feed-files.js';
import {
  type FoundManifest,
  isOfFeed,
  linesInBatches,
  manifestFiles,
  type ReadLine,
  type ReadRecord,
} from '../../ingest/manifest/read.js';
import { lookAt } from './case.js';
import { enterLines } from './ledger.js';
import type { Pass } from './pass.js';
import { addCounts, type FeedReport, noteForeign } from './report.js';
import type { Making } from './state/progress.js';
import type { Line } from './state/row.js';

/** Lines per transaction. A commit costs as much as thousands of rows, and its changed pages are in memory. */
const BATCH = 1_000;

export async function readCorrections(backend: Backend, feed: FeedOptions): Promise<void> {
  for (const file of manifestFiles(feed.manifests, 'corrections')) {
    let end = 0;
    for await (const lines of linesInBatches(file.path, BATCH)) {
      await backend.transact((tx) => {
        for (const { record } of lines)
          if (record && isOfFeed(feed, record) && record.fields.correction === 'withdrawn')
            enterCorrection(tx, feed.name, record);
      });
      end = endOf(lines) ?? end;
    }
    await enterEnd(backend, feed, file, end);
  }
}

/** The content of a discarded file is free. The content of a withdrawn file stays known. */
function enterCorrection(tx: Tx, feed: string, { ingestId, fields }: ReadRecord): void {
  const { by, reason, corrected_at } = fields;
  if (typeof by !== 'string') tx.run('INSERT OR IGNORE INTO rebuild_withdrawn VALUES (?, ?)', feed, ingestId);
  else {
    const atMs = Date.parse(String(corrected_at)) || 0;
    tx.run(
      'INSERT OR IGNORE INTO rebuild_taken_out VALUES (?, ?, ?, ?, ?)',
      ...[feed, ingestId, by, String(reason ?? ''), atMs],
    );
  }
}

/** The source of this feed's lines, and the state that they go to. */
export interface Reading {
  making: Making;
  feed: FeedOptions;
  files: FeedFiles;
  report: FeedReport;
  pass: Pass;
}

export async function readManifests(reading: Reading): Promise<void> {
  const { making, feed, report, pass } = reading;
  for (const file of manifestFiles(feed.manifests, 'manifest')) {
    report.files++;
    let end = 0;
    for await (const lines of pass.linesOf(file.path, BATCH)) {
      const batch = await lookAtAll(reading, file, lines);
      await making.backend.transact((tx) => addCounts(report.counts, enterLines(tx, feed, batch, making.olderRows)));
      end = endOf(lines) ?? end;
    }
    await enterEnd(making.backend, feed, file, end);
  }
}

/** The lines of this feed, each with its evidence. The others are counted. */
async function lookAtAll(
  { making, feed, files, report }: Reading,
  file: FoundManifest,
  lines: readonly ReadLine[],
): Promise<Line[]> {
  const batch: Line[] = [];
  for (const line of lines) {
    if (!line.record) {
      noteForeign(report, file.path, line);
      continue;
    }
    const of = line.record.feed ?? feed.name;
    if (of === feed.name) batch.push(await lookAt(making, line.record, file, feed, files));
    else if (!report.otherFeeds.includes(of)) report.otherFeeds.push(of);
  }
  return batch;
}

const endOf = (lines: readonly ReadLine[]): number | undefined =>
  lines.findLast((line): line is Extract<ReadLine, { endAt: number }> => line.record !== undefined)?.endAt;

/** The committed end of a file that still gets appends: after the last whole record, so that foreign bytes there are reported. */
async function enterEnd(backend: Backend, feed: FeedOptions, file: FoundManifest, end: number): Promise<void> {
  if (!file.current) return;
  const inode = Number(statSync(file.path).ino);
  await backend.transact((tx) => {
    tx.run(
      'INSERT OR REPLACE INTO manifest_ends (file, feed, inode, end_at) VALUES (?, ?, ?, ?)',
      ...[file.path, feed.name, inode, end],
    );
  });
}
