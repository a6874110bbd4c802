/** The ledger's row that a manifest line speaks of, as the line says it. */
import type { Tx } from '../../../../queue/backend.js';
import type { FeedOptions } from '../../../base/config/options.js';
import type { Case } from '../../../ingest/evidence/case.js';
import { type Content, waitToken } from '../../../ingest/ledger/content.js';
import { noteHash } from '../../../ingest/ledger/hashes.js';
import { digitsOf, generationOf, pathBytesOf, type ReadRecord } from '../../../ingest/manifest/read.js';
import type { Processed } from '../../../ingest/outputs/recorded.js';
import { type ByteName, nameOfBytes, nameOfText } from '../../../linux/index.js';
import type { MovedRoot } from './moved.js';

/** A line, and what the disk says of it. */
export interface Line {
  record: ReadRecord;
  hour: string;
  ingestedAtMs: number;
  /** Relative to the warehouse; undefined where the line names another one. */
  target: ByteName | undefined;
  path: Case['path'];
  /** The file of its own job lies in failed/: a twin may have inherited the line. */
  hasFailed: boolean;
  /** By whom it was withdrawn after it was stored. */
  takenOut: TakenOut | undefined;
  /** What a chain made of it. */
  made: Processed | undefined;
  /** Something lies at the path of an output, that may be its own. */
  hasOutputs: boolean;
}

export interface TakenOut {
  who: string;
  why: string;
  atMs: number;
}

/** Where the line says that the file is, relative to the warehouse of its feed, also of one that was moved since. */
export function targetOf(record: ReadRecord, feed: FeedOptions, moved: readonly MovedRoot[]): ByteName | undefined {
  return belowWarehouse(pathBytesOf(record, 'warehouse_path'), feed, moved);
}

export function belowWarehouse(named: Buffer, feed: FeedOptions, moved: readonly MovedRoot[]): ByteName | undefined {
  const former = moved.find((root) => root.feed === feed.name && root.kind === 'warehouse')?.from;
  return below(feed.warehouse, named) ?? (former === undefined ? undefined : below(former, named));
}

export const bytesOf = ({ record }: Line): number => Number(record.fields.size) || 0;

export interface As {
  state: 'manifested' | 'stored';
  carrier: string;
  note: string | null;
}

const VALUES = `state = ?, carrier = ?, size = ?, device = ?, inode = ?, mtime_ns = ?, source_path = ?, seal = ?, target = ?, hour = ?,
  ingest_id = ?, ingested_at_ms = ?, note = ?, updated_at_ms = ?`;
const INSERT = `INSERT INTO contents (state, carrier, size, device, inode, mtime_ns, source_path, seal, target, hour, ingest_id,
  ingested_at_ms, note, updated_at_ms, feed, sha256, generation, created_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** The row of a line's content: a new one, or that of the older state with what the line says. */
export function put(tx: Tx, feed: FeedOptions, line: Line, as: As, older: Content | undefined): number {
  const { record, target } = line;
  const path = pathBytesOf(record, 'path');
  const values = [
    ...[as.state, as.carrier, bytesOf(line)],
    ...[digitsOf(record, 'device'), digitsOf(record, 'inode'), digitsOf(record, 'mtime_ns')],
    Buffer.from(below(feed.input, path) ?? nameOfBytes(path), 'latin1'),
    record.fields.seal === 'copy' ? 'copy' : 'lease',
    target === undefined ? null : Buffer.from(target, 'latin1'),
    ...[line.hour, record.ingestId, line.ingestedAtMs, as.note, line.ingestedAtMs],
  ];
  if (!older) {
    const sha256 = Buffer.from(record.sha256, 'hex');
    const generation = generationOf(record);
    const { lastInsertRowid } = tx.run(INSERT, ...values, feed.name, sha256, generation, line.ingestedAtMs);
    const row = Number(lastInsertRowid);
    noteHash(tx, { sha256, generation }, row);
    return row;
  }
  tx.run(`UPDATE contents SET ${VALUES} WHERE row = ?`, ...values, older.row);
  tx.run('DELETE FROM reservations WHERE content = ?', older.row);
  if (as.state === 'stored') tx.wake([waitToken(older.row)]);
  return older.row;
}

/** A path relative to a root; undefined where it does not lie in it, or would lead out again. */
export function below(root: string, path: Buffer): ByteName | undefined {
  const [prefix, name] = [`${nameOfText(root)}/`, nameOfBytes(path)];
  if (!name.startsWith(prefix)) return undefined;
  const inside = name.slice(prefix.length) as ByteName;
  return inside.split('/').some((part) => part === '' || part === '.' || part === '..') ? undefined : inside;
}
