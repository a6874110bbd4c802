/**
 * Reads corrections and manifests of a feed into the new state, in batches. Each batch records the offset of its end.
 * Guarantees: a line that was entered before an interruption is not entered again. In a packed file it is unpacked and skipped.
 */

import { statSync } from 'node:fs';
import type { Backend, Tx } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { FeedFiles } from '../../ingest/files/feed-files.js';
import { type FoundManifest, linesOf, manifestFiles, type ReadRecord } from '../../ingest/manifest/read.js';
import { lookAt } from './case.js';
import { enterLines } from './ledger.js';
import type { Pass } from './pass.js';
import { addCounts, type FeedReport, noteForeign, noteReport } from './report.js';
import { identityAt, type Making, noteRead, type ReadTo, readTo } from './state/progress.js';
import type { Line } from './state/row.js';

/** Lines per transaction. A commit costs as much as thousands of rows, and its changed pages are in memory. */
const BATCH = 1_000;
/** After so many lines of other feeds the offset is recorded as well. */
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
  for (const file of manifestFiles(reading.feed.manifests, 'manifest')) {
    const from = readTo(reading.making.backend, reading.feed.name, file.path);
    if (from.to !== 'all') await readManifest(reading, file, from);
    reading.pass.ended(file.path);
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
    // A packed file must be read from its beginning.
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
    reading.pass.at(file.path, upTo);
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

/** The committed end of a file that still gets appends: after the last whole record, so that foreign bytes there are reported. */
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
