/**
 * Reads manifests back: finds the files, rotated ones included, and reads their records, one line at a time.
 * Guarantees: memory is bounded, whatever a file has. A line that is not a record (foreign or torn) is reported with its
 * offset, and never taken for a record. 64-bit numbers stay digits.
 * Does not: write.
 */
import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isOfFilesystem } from '../../files/of-filesystem.js';
import { AT_FDCWD, type ByteName, nameOfText, statAtOrNone } from '../../linux/index.js';
import type { Counts } from '../chains/recorded-outputs.js';
import { packingOf, unpacked } from './unpack.js';

const KINDS = ['manifest', 'corrections'] as const;
export type ManifestKind = (typeof KINDS)[number];

export interface FoundManifest {
  path: string;
  kind: ManifestKind;
  /** `YYYY/MM/DD/HH`, if it lies in the folder of its hour. */
  hour: string | undefined;
  /** True for the file that appends go to, false for a rotated one. */
  current: boolean;
}

const HOUR_DEPTH = 4;
/** An operator may have collected rotated files deeper than the hours. */
const DEPTH_MAX = 8;
/** Paths have at most 4 KiB, each may be in the line twice, and a line may have a thousand outputs. A longer line is no record. */
const LINE_BYTES_MAX = 1 << 24;

/**
 * All files of a kind below a manifests root, the newest hour first. `passOver`: what to do about a folder that cannot be read, to go
 * on with the others; without it, errors are those of readdir, also ENOENT for the root.
 */
export function* manifestFiles(
  root: string,
  wanted: ManifestKind | 'all',
  passOver: (error: unknown) => void = rethrow,
  parts: readonly string[] = [],
): Generator<FoundManifest> {
  const folder = join(root, ...parts);
  const isRoot = () => parts.length === 0 || statAtOrNone(AT_FDCWD, nameOfText(folder))?.isMountRoot === true;
  let all: Dirent[];
  try {
    all = readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    passOver(error);
    return;
  }
  const entries = all.filter(({ name }) => !isOfFilesystem(nameOfText(name), isRoot));
  const newest = entries.sort((a, b) => (a.name < b.name ? 1 : -1));
  for (const entry of newest) {
    if (entry.isDirectory() && parts.length < DEPTH_MAX && !entry.name.startsWith('.')) {
      yield* manifestFiles(root, wanted, passOver, [...parts, entry.name]);
    }
  }
  const hour = parts.length === HOUR_DEPTH && isHour(parts.join('/')) ? parts.join('/') : undefined;
  for (const entry of newest) {
    // `manifest.jsonl`, `manifest.jsonl.1`, `manifest.jsonl-20300102.gz`, `manifest-20300102.jsonl.zst`
    const kind = KINDS.find((one) => entry.name.startsWith(one));
    if (!entry.isFile() || !kind || (wanted !== 'all' && wanted !== kind) || !entry.name.includes('.jsonl')) continue;
    yield {
      path: join(folder, entry.name),
      kind,
      hour,
      current: hour !== undefined && entry.name === `${kind}.jsonl`,
    };
  }
}

const rethrow = (error: unknown): never => {
  throw error;
};

const HOUR = /^\d{4}\/\d\d\/\d\d\/\d\d$/;

export const isHour = (folder: string): folder is ByteName => HOUR.test(folder);

/** A line of a manifest or of its corrections, with the parts that identify a content. */
export interface ReadRecord {
  sha256: string;
  ingestId: string;
  feed: string | undefined;
  fields: Record<string, unknown>;
  /** The line itself, for numbers that a double would round. */
  raw: string;
}

/** `no`: the line number, counted from 1 where reading began. */
export type ReadLine =
  | { record: ReadRecord; endAt: number; no: number }
  /** `torn`: at the end of the file, without a newline. `text`: undefined where it was too long to be kept. */
  | { record: undefined; at: number; bytes: number; torn: boolean; no: number; text: string | undefined };

/** `endAt` and `at` are offsets in the unpacked bytes; `from` is an offset in a plain file. Errors: UnreadableManifest. */
export async function* linesOf(path: string, from = 0): AsyncGenerator<ReadLine> {
  const packing = packingOf(path);
  let at = packing === 'plain' ? from : 0;
  let no = 0;
  for await (const { bytes, length, ended } of split(unpacked(path, packing, at))) {
    const text = bytes?.toString('utf8');
    const record = text === undefined ? undefined : recordOf(text);
    const endAt = at + length + (ended ? 1 : 0);
    no++;
    if (record) yield { record, endAt, no };
    else if (length > 0) yield { record: undefined, at, bytes: length, torn: !ended, no, text };
    at = endAt;
  }
}

/** A record without a feed is of the feed whose manifests have it. */
export const isOfFeed = ({ name }: { name: string }, { feed }: ReadRecord): boolean => (feed ?? name) === name;

/** The lines of a file, in batches of at most `max`. */
export async function* linesInBatches(path: string, max: number): AsyncGenerator<ReadLine[]> {
  let batch: ReadLine[] = [];
  for await (const line of linesOf(path)) {
    if (batch.push(line) < max) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Undefined for a line that is no record of ours. */
export function recordOf(line: string): ReadRecord | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const fields = parsed as Record<string, unknown>;
  const { sha256, ingest_id: ingestId, feed } = fields;
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/i.test(sha256) || typeof ingestId !== 'string') return undefined;
  return {
    sha256: sha256.toLowerCase(),
    ingestId,
    feed: typeof feed === 'string' ? feed : undefined,
    fields,
    raw: line,
  };
}

/** 1 where the line has no generation. */
export const generationOf = ({ fields }: ReadRecord): number => Number(fields.generation ?? 1) || 1;

/** The digits of a whole number. Inside a string the field's name would have escaped quotes. */
export const digitsOf = (record: ReadRecord, name: string): string =>
  new RegExp(`"${name}":\\s*"?(-?\\d+)`).exec(record.raw)?.[1] ?? '0';

/** The bytes of a path: `NAME_b64` where it is not UTF-8. */
export function pathBytesOf({ fields }: Pick<ReadRecord, 'fields'>, name: 'path' | 'warehouse_path'): Buffer {
  const b64 = fields[`${name}_b64`];
  return typeof b64 === 'string' ? Buffer.from(b64, 'base64') : Buffer.from(String(fields[name] ?? ''), 'utf8');
}

export interface ReadOutput {
  tag: string;
  /** Absolute. */
  path: Buffer;
  rows: number;
  size: number;
  sha256: Buffer;
}

export interface ReadProcessed extends Counts {
  outputs: readonly ReadOutput[];
}

/** The part of the line about a chain; undefined where its file went through none. */
export function processedIn({ fields }: ReadRecord): ReadProcessed | undefined {
  const { outputs, process } = fields as { outputs?: unknown; process?: Record<string, unknown> };
  if (!Array.isArray(outputs) || typeof process !== 'object' || process === null) return undefined;
  const headerSha256 = typeof fields.header_sha256 === 'string' ? fields.header_sha256 : null;
  return {
    chain: String(process.chain),
    version: String(process.version),
    rows: Number(fields.rows) || 0,
    rejected: Number(fields.rejected) || 0,
    columns: typeof fields.columns === 'number' ? fields.columns : null,
    headerSha256,
    outputs: (outputs as Record<string, unknown>[]).map((output) => ({
      tag: String(output.tag),
      path: pathBytesOf({ fields: output }, 'warehouse_path'),
      rows: Number(output.rows) || 0,
      size: Number(output.size) || 0,
      sha256: Buffer.from(String(output.sha256), 'hex'),
    })),
  };
}

interface Piece {
  /** Undefined where it was too long to be kept. */
  bytes: Buffer | undefined;
  length: number;
  /** True if a newline ended it. */
  ended: boolean;
}

async function* split(chunks: AsyncIterable<Buffer>): AsyncGenerator<Piece> {
  let kept: Buffer[] = [];
  let length = 0;
  const take = (part: Buffer): void => {
    length += part.length;
    if (length <= LINE_BYTES_MAX) kept.push(part);
    else kept = [];
  };
  const piece = (ended: boolean): Piece => {
    const whole = { bytes: length <= LINE_BYTES_MAX ? Buffer.concat(kept) : undefined, length, ended };
    kept = [];
    length = 0;
    return whole;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      take(chunk.subarray(start, end));
      yield piece(true);
      start = end + 1;
    }
    if (start < chunk.length) take(chunk.subarray(start));
  }
  if (length > 0) yield piece(false);
}
