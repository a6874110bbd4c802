/** A row of the ledger, as the rest of the program sees it. Times in wall-clock ms; 64-bit values as decimal text or bigint. */
import type { Reader } from '../../queue/backend.js';
import type { SealKind } from '../stages/job.js';

export type ContentState = 'carried' | 'manifested' | 'stored';

export interface Content {
  row: number;
  feed: string;
  sha256: Buffer;
  generation: number;
  state: ContentState;
  carrier: string;
  size: number;
  /** Decimal, exact. */
  device: string;
  inode: string;
  mtimeNs: string;
  sourcePath: Buffer;
  seal: SealKind;
  /** Relative to the warehouse; null until its line is planned. */
  target: Buffer | null;
  hour: string | null;
  ingestId: string | null;
  ingestedAtMs: number | null;
  note: string | null;
}

const COLUMNS = `row, feed, sha256, generation, state, carrier, size, device, inode,
  mtime_ns AS mtimeNs, source_path AS sourcePath, seal, target, hour, ingest_id AS ingestId,
  ingested_at_ms AS ingestedAtMs, note`;

/** The newest generation of a content. */
export const contentByHash = (reader: Reader, feed: string, sha256: Buffer): Content | undefined =>
  reader.get<Content>(
    `SELECT ${COLUMNS} FROM contents WHERE feed = ? AND sha256 = ? ORDER BY generation DESC LIMIT 1`,
    feed,
    sha256,
  );

export const contentByRow = (reader: Reader, row: number): Content | undefined =>
  reader.get<Content>(`SELECT ${COLUMNS} FROM contents WHERE row = ?`, row);

/** What a job waits on, when another one carries its content. */
export const waitToken = (row: number): string => `content:${row}`;

/** Where a content in this state goes on. */
export const stageOf = (state: ContentState): 'manifest' | 'move' => (state === 'carried' ? 'manifest' : 'move');
