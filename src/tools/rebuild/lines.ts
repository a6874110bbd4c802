/**
 * Reads corrections and manifests of a feed into the state that is made, in batches whose end is noted with them.
 * Guarantees: a line that was entered before an interruption is not read again (of a packed file: unpacked, and skipped).
 */

import { statSync } from 'node:fs';
import type { Backend, Tx } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { FeedFiles } from '../../ingest/files/feed-files.js';
import { type FoundManifest, linesOf, manifestFiles, type ReadRecord } from '../../ingest/manifest/read.js';
import { lookAt } from './case.js';
import { enterLines } from './ledger.js';
import { addCounts, type FeedReport, noteForeign, noteReport } from './report.js';
import { identityAt, type Making, noteRead, type ReadTo, readTo } from './state/progress.js';
import type { Line } from './state/row.js';

/** Lines a transaction: a commit costs as much as thousands of rows, and the pages that it changes are in memory. */
const BATCH = 1_000;
/** Lines of others, after which the place is noted all the same. */
const PASSED_MAX = 20_000;

export async function readCorrections(backend: Backend, feed: FeedOptions): Promise<void> {
  for (const file of manifestFiles(feed.manifests, 'corrections')) {
    const identity = identityAt(file.path);
    let end = 0;
    let records: ReadRecord[] = [];
    const enter = (): Promise<unknown> =>
      backend.transact((tx) => {
        for (const record of records) enterCorrection(tx, feed.name, record);
      });
    for await (const line of linesOf(file.path)) {
      if (!line.record) continue;
      end = line.endAt;
      if ((line.record.feed ?? feed.name) !== feed.name || line.record.fields.correction !== 'withdrawn') continue;
      if (records.push(line.record) < BATCH) continue;
      await enter();
      records = [];
    }
    await enter();
    await enterEnd(backend, feed, file, identity, end);
  }
}

/** A file that was given up leaves its content free; of one that somebody took out again the content stays known. */
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

/** Where this feed's lines come from, and what is made of them. */
export interface Reading {
  making: Making;
  feed: FeedOptions;
  files: FeedFiles;
  report: FeedReport;
}

export async function readManifests(reading: Reading): Promise<void> {
  for (const file of manifestFiles(reading.feed.manifests, 'manifest')) {
    const from = readTo(reading.making.backend, reading.feed.name, file.path);
    if (from.to === 'all') continue;
    await readManifest(reading, file, from);
  }
}

async function readManifest(reading: Reading, file: FoundManifest, from: ReadTo): Promise<void> {
  const { making, feed, files, report } = reading;
  const identity = identityAt(file.path);
  const start = from.to as number;
  const at = { to: start, end: from.end };
  if (start === 0) report.files++;
  let batch: Line[] = [];
  let passed = 0;
  const enter = (): Promise<void> => enterBatch(reading, file.path, identity, batch, { ...at });
  for await (const line of linesOf(file.path, start)) {
    // A packed file can only be read from its beginning.
    const upTo = line.record ? line.endAt : line.at + line.bytes + 1;
    if (upTo <= start) continue;
    at.to = upTo;
    passed++;
    if (!line.record) noteForeign(report, file.path, line);
    else {
      at.end = line.endAt;
      report.read++;
      const of = line.record.feed ?? feed.name;
      if (of === feed.name) batch.push(await lookAt(making, line.record, file, feed, files));
      else if (!report.otherFeeds.includes(of)) report.otherFeeds.push(of);
    }
    if (batch.length < BATCH && passed < PASSED_MAX) continue;
    await enter();
    batch = [];
    passed = 0;
  }
  await enter();
  await enterEnd(making.backend, feed, file, identity, at.end);
}

async function enterBatch(
  { making, feed, report }: Reading,
  path: string,
  identity: string,
  batch: readonly Line[],
  at: ReadTo,
): Promise<void> {
  await making.backend.transact((tx) => {
    addCounts(report.counts, enterLines(tx, feed, batch, making.olderRows));
    noteRead(tx, feed.name, path, identity, at);
    noteReport(tx, feed, report);
  });
}

/** The committed end of a file that appends go to: behind the last whole record, so that what is foreign there is told. */
async function enterEnd(
  backend: Backend,
  feed: FeedOptions,
  file: FoundManifest,
  identity: string,
  end: number,
): Promise<void> {
  const inode = Number(statSync(file.path).ino);
  await backend.transact((tx) => {
    noteRead(tx, feed.name, file.path, identity, { to: 'all', end });
    if (!file.current) return;
    tx.run(
      'INSERT OR REPLACE INTO manifest_ends (file, feed, inode, end_at) VALUES (?, ?, ?, ?)',
      ...[file.path, feed.name, inode, end],
    );
  });
}
