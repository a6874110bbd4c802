/**
 * The first pass over all manifests: which lines name which path of a warehouse. When a line is judged later, all other lines of its
 * path are known, of every feed and hour. A single pass would not know the later ones.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import { type Claimant, contentKey } from '../../ingest/evidence/names.js';
import { type Content, contentOfGeneration } from '../../ingest/ledger/content.js';
import { hasLeft } from '../../ingest/ledger/names.js';
import { generationOf, isOfFeed, manifestFiles, processedIn, type ReadRecord } from '../../ingest/manifest/read.js';
import type { ByteName } from '../../linux/index.js';
import type { Pass } from './pass.js';
import type { Making } from './state/progress.js';
import { belowWarehouse, ingestedAtOf, targetOf } from './state/row.js';

const BATCH = 1_000;

export async function notePaths({ backend, moved }: Making, feed: FeedOptions, pass: Pass): Promise<void> {
  for (const { path } of manifestFiles(feed.manifests, 'manifest')) {
    for await (const lines of pass.linesOf(path, BATCH)) {
      await backend.transact((tx) => {
        for (const { record } of lines) if (record && isOfFeed(feed, record)) noteLine(tx, feed, record, moved);
      });
    }
  }
}

/** The paths of the file and of its outputs. */
function noteLine(tx: Tx, feed: FeedOptions, record: ReadRecord, moved: Making['moved']): void {
  const content = Buffer.from(record.sha256, 'hex');
  const note = (target: ByteName | undefined, n: number, sha256: Buffer): void => {
    if (target === undefined) return; // A line of a warehouse that this feed does not have any more.
    tx.run(
      'INSERT OR IGNORE INTO rebuild_paths VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      ...[pathOf(feed, target), feed.name, record.ingestId, n, sha256, content, generationOf(record)],
      ingestedAtOf(record),
    );
  };
  note(targetOf(record, feed, moved), 0, content);
  for (const [i, { path, sha256 }] of (processedIn(record)?.outputs ?? []).entries())
    note(belowWarehouse(path, feed, moved), i + 1, sha256);
}

export const pathOf = ({ warehouse }: FeedOptions, target: ByteName): string => `${warehouse}/${target}`;

interface Row {
  feed: string;
  ingestId: string;
  n: number;
  sha256: Buffer;
  content: Buffer;
  generation: number;
  atMs: number;
  corrected: number;
}

const NAMING = `SELECT feed, ingest_id AS ingestId, n, sha256, content, generation, at_ms AS atMs,
    EXISTS (SELECT 1 FROM rebuild_withdrawn w WHERE w.feed = p.feed AND w.job = p.ingest_id)
      OR EXISTS (SELECT 1 FROM rebuild_taken_out t WHERE t.feed = p.feed AND t.ingest_id = p.ingest_id) AS corrected
  FROM rebuild_paths p WHERE path = ?`;

export interface LineClaim extends Claimant {
  ingestId: string;
  /** 0: the file of the line; else its output. */
  n: number;
}

/**
 * All lines that name the path, for their file or for an output. Who got the name last is only in a state, and lost with it: then the
 * latest instant of ingestion counts, of one content the highest generation. With `sha256`, only those for a file with these bytes:
 * thousands of lines may name one path that consumers empty.
 */
export function claimantsOf(reader: Reader, path: string, sha256?: Buffer): LineClaim[] {
  const rows = sha256 ? reader.all<Row>(`${NAMING} AND sha256 = ?`, path, sha256) : reader.all<Row>(NAMING, path);
  const left = new Set(rows.length === 1 ? [] : rows.filter((row) => isNotedAsLeft(reader, row)));
  const isLeft = (row: Row): boolean =>
    left.has(row) || rows.some((other) => !left.has(other) && other.sha256.equals(row.sha256) && isLater(other, row));
  return rows.map((row) => ({
    ...row,
    content: contentKey(row.feed, row.content),
    takenBack: row.corrected === 1 || isOwed(reader, row),
    hasLeft: isLeft(row),
  }));
}

/** An older state may know it. */
function isNotedAsLeft(reader: Reader, row: Row): boolean {
  const content = contentOf(reader, row);
  return (
    content?.ingestId === row.ingestId && content.target !== null && hasLeft(reader, { row: content.row, n: row.n })
  );
}

const contentOf = (reader: Reader, { feed, content, generation }: Row): Content | undefined =>
  contentOfGeneration(reader, feed, content, generation);

const isLater = (a: Row, b: Row): boolean =>
  a.feed === b.feed && a.content.equals(b.content) ? a.generation > b.generation : a.atMs > b.atMs;

/** The older state decided the withdrawal; its correction may not be written yet. */
function isOwed(reader: Reader, row: Row): boolean {
  const content = contentOf(reader, row);
  return content?.state === 'withdrawn' && content.ingestId === row.ingestId;
}
