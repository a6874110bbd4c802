/**
 * Finds where a manifest line and its ledger row differ, and which of the two the other evidence supports: the file (its bytes,
 * size, inode, times, name) and the job that carried it. Pure.
 */
import { partitionOf } from '../../files/job-paths.js';
import type { Processed } from '../../ingest/chains/recorded-outputs.js';
import type { Content } from '../../ingest/ledger/content.js';
import { digitsOf, pathBytesOf, processedIn, type ReadOutput, type ReadRecord } from '../../ingest/manifest/read.js';

export interface Evidence {
  /** The files at the path in the row and at the path in the line. */
  atRow: FileSeen | undefined;
  atLine: FileSeen | undefined;
  /** The path and id of the job that carried the content; undefined if that job is not known any more. */
  carrier: { id: string; key: Buffer } | undefined;
  timezone: string;
  /** The folder `YYYY/MM/DD/HH` of the line; undefined if its file was moved elsewhere. */
  hour: string | undefined;
}

export interface FileSeen {
  size: number;
  inode: string;
  mtimeNs: string;
  /** Undefined if the file was not read. */
  sha256: Buffer | undefined;
}

export type Right = 'row' | 'line' | 'unknown';

export interface Deviation {
  field: string;
  row: string;
  line: string;
}

/** Roots may have moved since, so only the parts below the roots are compared. */
export function deviations(content: Content, record: ReadRecord, made?: Processed): Deviation[] {
  const { fields } = record;
  const mtimeNs = digitsOf(record, 'mtime_ns');
  const pairs: [string, string, string][] = [
    ['sha256', content.sha256.toString('hex'), record.sha256],
    ['size', String(content.size), String(fields.size)],
    ['device', content.device, digitsOf(record, 'device')],
    ['inode', content.inode, digitsOf(record, 'inode')],
    ['mtime_ns', content.mtimeNs, mtimeNs],
    ['mtime', wholeSeconds(content.mtimeNs), digitsOf(record, 'mtime')],
    ['ingest_id', content.ingestId ?? '', record.ingestId],
    ['ingested_at', instant(content.ingestedAtMs), String(fields.ingested_at)],
    ['seal', content.seal, String(fields.seal)],
    ['generation', String(content.generation), String(fields.generation ?? 1)],
    ['path', ending(content.sourcePath, pathBytesOf(record, 'path')), 'same'],
    ['warehouse_path', ending(content.target ?? Buffer.from(''), pathBytesOf(record, 'warehouse_path')), 'same'],
    ['outputs', shownOutputs(made), shownOutputs(processedIn(record))],
  ];
  return pairs.filter(([, row, line]) => row !== line).map(([field, row, line]) => ({ field, row, line }));
}

interface Outputs {
  rows: number;
  rejected: number;
  outputs: readonly Pick<ReadOutput, 'tag' | 'rows' | 'size' | 'sha256'>[];
}

const shownOutputs = (made: Outputs | undefined): string =>
  JSON.stringify(
    made && [
      made.rows,
      made.rejected,
      made.outputs.map((one) => [one.tag, one.rows, one.size, one.sha256.toString('hex')]),
    ],
  ) ?? '';

/** Counts which side each piece of evidence supports. The result is one side only if nothing supports the other. */
export function whoIsRight(content: Content, record: ReadRecord, found: Deviation[], seen: Evidence): Right {
  const sides = new Set(found.map((one) => rightIn(one, content, record, seen)));
  const rowIsRight = sides.has('row');
  const lineIsRight = sides.has('line');
  if (rowIsRight === lineIsRight) return 'unknown';
  return rowIsRight ? 'row' : 'line';
}

function rightIn({ field, row, line }: Deviation, content: Content, record: ReadRecord, seen: Evidence): Right {
  const { atRow, atLine, carrier } = seen;
  const file = atRow ?? atLine;
  const by = (value: string | undefined): Right => (value === row ? 'row' : value === line ? 'line' : 'unknown');
  switch (field) {
    case 'sha256':
      return by(file?.sha256?.toString('hex'));
    case 'size':
      return by(file && String(file.size));
    case 'inode':
      return by(file?.inode);
    case 'mtime_ns':
      return by(file?.mtimeNs);
    case 'mtime':
      // The two times of a line belong together. A row has only one.
      return wholeSeconds(digitsOf(record, 'mtime_ns')) === line ? 'unknown' : 'row';
    case 'warehouse_path':
      return atRow && !atLine ? 'row' : atLine && !atRow ? 'line' : 'unknown';
    case 'ingest_id':
      return by(carrier?.id);
    case 'path':
      if (carrier?.key.equals(content.sourcePath)) return 'row';
      return carrier && endsWith(pathBytesOf(record, 'path'), carrier.key) ? 'line' : 'unknown';
    case 'ingested_at':
      return instantRight(content, record, seen);
    default:
      return 'unknown';
  }
}

/** The hour's folder was chosen from the same instant as the record. */
function instantRight(content: Content, record: ReadRecord, { hour, timezone }: Evidence): Right {
  const fits = (atMs: number | null): boolean =>
    atMs !== null && !Number.isNaN(atMs) && partitionOf(atMs, timezone).hour === (hour ?? content.hour);
  const [row, line] = [fits(content.ingestedAtMs), fits(Date.parse(String(record.fields.ingested_at)))];
  return row === line ? 'unknown' : row ? 'row' : 'line';
}

const instant = (atMs: number | null): string => (atMs === null ? '' : new Date(atMs).toISOString());

const ending = (relative: Buffer, path: Buffer): string =>
  relative.length > 0 && endsWith(path, relative) ? 'same' : relative.toString();

const endsWith = (path: Buffer, relative: Buffer): boolean =>
  path.subarray(-relative.length).equals(relative) && path[path.length - relative.length - 1] === 0x2f;

function wholeSeconds(ns: string): string {
  const value = BigInt(ns);
  const whole = value / 1_000_000_000n;
  return String(value < 0n && whole * 1_000_000_000n !== value ? whole - 1n : whole);
}
