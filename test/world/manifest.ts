/**
 * Reads a feed's manifests as a consumer does, and with checks that a consumer does not make.
 */
import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { type ByteName, nameOfBytes, nameOfText } from '../../src/linux/names.js';
import { files } from './tree.js';

export interface ManifestRecord {
  path: string;
  path_b64?: string;
  sha256: string;
  device: number | string;
  inode: number | string;
  size: number;
  mtime: number;
  mtime_ns: number | string;
  warehouse_path: string;
  warehouse_path_b64?: string;
  ingested_at: string;
  ingest_id: string;
  feed: string;
  seal: 'lease' | 'copy';
  /** Present from the second generation on. */
  generation?: number;
  /** For a feed with a chain. */
  rows?: number;
  rejected?: number;
  columns?: number;
  outputs?: OutputRecord[];
}

export interface OutputRecord {
  tag: string;
  warehouse_path: string;
  warehouse_path_b64?: string;
  rows: number;
  size: number;
  sha256: string;
}

export interface ManifestLine {
  /** The path of the manifest file, relative to the manifests. */
  file: ByteName;
  /** From 1. */
  lineNo: number;
  raw: string;
  /** Undefined: torn. `why` says in what way. */
  record?: ManifestRecord;
  why?: string;
}

const FIELDS = [
  'path',
  'sha256',
  'device',
  'inode',
  'size',
  'mtime',
  'mtime_ns',
  'warehouse_path',
  'ingested_at',
  'ingest_id',
  'feed',
  'seal',
];

/** Every line of every hour, oldest first, including torn ones. `name`: manifest.jsonl, or corrections.jsonl. */
export function manifestLines(manifests: string, name = 'manifest.jsonl'): ManifestLine[] {
  return files(manifests)
    .filter((f) => new RegExp(`^\\d{4}/\\d\\d/\\d\\d/\\d\\d/${name.replace('.', '\\.')}$`).test(f.path))
    .flatMap((f) =>
      linesOf(f.path, readFileSync(join(manifests, f.path)), name === 'manifest.jsonl' ? FIELDS : ['ingest_id']),
    );
}

export function linesOf(file: ByteName, bytes: Buffer, fields: readonly string[] = FIELDS): ManifestLine[] {
  const parts = bytes.toString('utf8').split('\n');
  const rest = parts.pop() ?? '';
  const lines = parts.map((raw, at) => judged({ file, lineNo: at + 1, raw }, fields));
  if (rest !== '') lines.push({ file, lineNo: parts.length + 1, raw: rest, why: 'no newline at the end' });
  return lines;
}

function judged(line: ManifestLine, fields: readonly string[]): ManifestLine {
  if (line.raw.includes('\0')) return { ...line, why: 'NUL bytes' };
  try {
    const record = JSON.parse(line.raw) as Record<string, unknown>;
    const missing = fields.filter((field) => record[field] === undefined);
    if (missing.length > 0) return { ...line, why: `lacks ${missing.join(', ')}` };
    return { ...line, record: record as unknown as ManifestRecord };
  } catch {
    return { ...line, why: 'not JSON' };
  }
}

/** The full path in the warehouse that a record names, as bytes. */
export function targetOf(record: ManifestRecord, warehouse: string): ByteName {
  const path = record.warehouse_path_b64
    ? nameOfBytes(Buffer.from(record.warehouse_path_b64, 'base64'))
    : nameOfText(record.warehouse_path);
  return isAbsolute(path) ? path : (`${nameOfText(warehouse)}/${path}` as ByteName);
}

/** The path under which the file was dropped, as bytes; relative to the input. */
export function originOf(record: ManifestRecord, input: string): ByteName {
  const path = record.path_b64 ? nameOfBytes(Buffer.from(record.path_b64, 'base64')) : nameOfText(record.path);
  const prefix = `${nameOfText(input)}/`;
  return (path.startsWith(prefix) ? path.slice(prefix.length) : path) as ByteName;
}
