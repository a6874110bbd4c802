/** Makes the ledger row of a manifest line. */
import type { Tx } from '../../../../queue/backend.js';
import type { FeedOptions } from '../../../base/config/options.js';
import type { Processed } from '../../../ingest/chains/recorded-outputs.js';
import type { Case } from '../../../ingest/evidence/case.js';
import { type Content, waitToken } from '../../../ingest/ledger/content.js';
import { giveNameOfLine, warehouseOf } from '../../../ingest/ledger/names.js';
import type { Delivered } from '../../../ingest/ledger/stored.js';
import { digitsOf, generationOf, pathBytesOf, type ReadRecord } from '../../../ingest/manifest/read.js';
import type { MovedRoot } from '../../../ingest/upkeep/follow-moved.js';
import { type ByteName, bytesOfName, nameOfBytes, nameOfText } from '../../../linux/index.js';

/** A line, and the evidence on disk about it. */
export interface Line {
  record: ReadRecord;
  hour: string;
  ingestedAtMs: number;
  /** Relative to the warehouse; undefined if the line names another one. */
  target: ByteName | undefined;
  path: Case['path'];
  /** True if the older state has its job on the way, and nobody could look at the file: its mount is missing, or it cannot be read. */
  isUnseen: boolean;
  /** True if the file of its own job is in failed/. A twin may have inherited the line. */
  hasFailed: boolean;
  /** The operator who withdrew it after it was stored. */
  takenOut: TakenOut | undefined;
  /** The outputs that a chain made of it. */
  made: Processed | undefined;
  /** True if a file exists at the path of an output; it may be its own. */
  hasOutputs: boolean;
}

export interface TakenOut {
  who: string;
  why: string;
  atMs: number;
}

/** The path in the line relative to the feed's warehouse, also if the warehouse has moved since. */
export function targetOf(record: ReadRecord, feed: FeedOptions, moved: readonly MovedRoot[]): ByteName | undefined {
  return belowWarehouse(pathBytesOf(record, 'warehouse_path'), feed, moved);
}

export function belowWarehouse(named: Buffer, feed: FeedOptions, moved: readonly MovedRoot[]): ByteName | undefined {
  const former = moved.find((root) => root.feed === feed.name && root.kind === 'warehouse')?.from;
  return below(feed.warehouse, named) ?? (former === undefined ? undefined : below(former, named));
}

export const ingestedAtOf = ({ fields }: ReadRecord): number => Date.parse(String(fields.ingested_at)) || 0;

export const bytesOf = ({ record }: Line): number => Number(record.fields.size) || 0;

export interface As {
  state: 'manifested' | Delivered;
  carrier: string;
}

const VALUES = `state = ?, carrier = ?, size = ?, device = ?, inode = ?, mtime_ns = ?, source_path = ?, seal = ?, target = ?, hour = ?,
  ingest_id = ?, ingested_at_ms = ?, updated_at_ms = ?`;
const INSERT = `INSERT INTO contents (state, carrier, size, device, inode, mtime_ns, source_path, seal, target, hour, ingest_id,
  ingested_at_ms, updated_at_ms, feed, sha256, generation, created_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** Writes the row of a line's content: a new row, or the row of the older state with the line's values. */
export function put(tx: Tx, feed: FeedOptions, line: Line, as: As, older: Content | undefined): number {
  const { record, target } = line;
  const path = pathBytesOf(record, 'path');
  const values = [
    ...[as.state, as.carrier, bytesOf(line)],
    ...[digitsOf(record, 'device'), digitsOf(record, 'inode'), digitsOf(record, 'mtime_ns')],
    Buffer.from(below(feed.input, path) ?? nameOfBytes(path), 'latin1'),
    record.fields.seal === 'copy' ? 'copy' : 'lease',
    target === undefined ? null : bytesOfName(target),
    ...[line.hour, record.ingestId, line.ingestedAtMs, line.ingestedAtMs],
  ];
  if (!older) {
    const sha256 = Buffer.from(record.sha256, 'hex');
    const generation = generationOf(record);
    const { lastInsertRowid } = tx.run(INSERT, ...values, feed.name, sha256, generation, line.ingestedAtMs);
    return named(tx, feed, line, Number(lastInsertRowid));
  }
  tx.run(`UPDATE contents SET ${VALUES} WHERE row = ?`, ...values, older.row);
  if (as.state !== 'manifested') tx.wake([waitToken(older.row)]);
  return named(tx, feed, line, older.row);
}

/** Gives the file its name, unless a younger one has it. */
export function named(tx: Tx, feed: FeedOptions, { target, ingestedAtMs }: Line, row: number): number {
  if (target !== undefined) giveNameOfLine(tx, warehouseOf(tx, feed.name)!, { row, n: 0 }, target, ingestedAtMs);
  return row;
}

/** Returns a path relative to a root; undefined if the path is not in the root. */
export function below(root: string, path: Buffer): ByteName | undefined {
  const [prefix, name] = [`${nameOfText(root)}/`, nameOfBytes(path)];
  if (!name.startsWith(prefix)) return undefined;
  const inside = name.slice(prefix.length) as ByteName;
  return inside.split('/').some((part) => part === '' || part === '.' || part === '..') ? undefined : inside;
}
