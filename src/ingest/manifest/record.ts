/**
 * The lines of the manifest: one JSON object each. `path`, `sha256`, `device`, `inode`, `size`, `mtime` come first, as
 * the first readers of this format expect them; our own fields follow.
 * Guarantees: numbers are exact (64-bit numbers are written as digits, never through a double). A name that is not UTF-8 has
 * its bytes in `path_b64`. A line is a pure function of its ledger row, so writing it again gives the same bytes.
 */
import type { FeedOptions } from '../../base/config/options.js';
import type { Processed } from '../chains/recorded-outputs.js';
import type { Content } from '../ledger/content.js';

/** `processed`: the result of its chain, with reserved targets. */
export function manifestLine(content: Content, feed: FeedOptions, processed?: Processed): string {
  const fields =
    `${pathFields('path', feed.input, content.sourcePath)},"sha256":"${content.sha256.toString('hex')}",` +
    `"device":${content.device},"inode":${content.inode},"size":${content.size},` +
    `"mtime":${floorSeconds(BigInt(content.mtimeNs))},"mtime_ns":${content.mtimeNs},` +
    `${pathFields('warehouse_path', feed.warehouse, content.target!)},"ingested_at":${instant(content.ingestedAtMs!)},` +
    `"ingest_id":${text(content.ingestId!)},"feed":${text(content.feed)},"seal":${text(content.seal)}`;
  // Only a content that was deliberately ingested once more has this field.
  const again = content.generation > 1 ? `,"generation":${content.generation}` : '';
  return `{${fields}${again}${processed ? processedFields(processed, feed) : ''}}\n`;
}

function processedFields({ chain, version, outputs, ...counts }: Processed, feed: FeedOptions): string {
  const listed = outputs.map(
    ({ tag, target, rows, size, sha256 }) =>
      `{"tag":${text(tag)},${pathFields('warehouse_path', feed.warehouse, target!)},"rows":${rows},"size":${size},"sha256":"${sha256.toString('hex')}"}`,
  );
  const { rows, rejected, columns, headerSha256 } = counts;
  const header = headerSha256 === null ? '' : `,"header_sha256":"${headerSha256}"`;
  const csv = columns === null ? '' : `,"columns":${columns}${header}`;
  return `,"rows":${rows},"rejected":${rejected}${csv},"process":{"chain":${text(chain)},"version":"${version}"},"outputs":[${listed.join(',')}]`;
}

/**
 * Takes an earlier line back: its file was discarded before it reached the warehouse. Or an operator (`by`) took the file out
 * again; then its content is still known, and the same bytes are a duplicate when they come again.
 */
export function correctionLine(content: Content, feed: FeedOptions, reason: string, atMs: number, by?: string): string {
  const fields =
    `"correction":"withdrawn","ingest_id":${text(content.ingestId!)},"sha256":"${content.sha256.toString('hex')}",` +
    `${pathFields('path', feed.input, content.sourcePath)},` +
    `${pathFields('warehouse_path', feed.warehouse, content.target!)},"reason":${text(reason)},` +
    `"corrected_at":${instant(atMs)},"feed":${text(content.feed)}${by === undefined ? '' : `,"by":${text(by)}`}`;
  return `{${fields}}\n`;
}

const text = (value: string): string => JSON.stringify(value);
const instant = (ms: number): string => `"${new Date(ms).toISOString()}"`;

/** Most names are ASCII: their bytes are the text. */
const ASCII = /^[ -~]*$/;

function pathFields(name: string, root: string, relative: Buffer): string {
  const plain = relative.toString('latin1');
  if (ASCII.test(plain)) return `"${name}":${text(`${root}/${plain}`)}`;
  const bytes = Buffer.concat([Buffer.from(`${root}/`), relative]);
  const shown = bytes.toString('utf8');
  const field = `"${name}":${text(shown)}`;
  return Buffer.from(shown, 'utf8').equals(bytes) ? field : `${field},"${name}_b64":"${bytes.toString('base64')}"`;
}

/** Times before 1970 round down too. */
function floorSeconds(ns: bigint): bigint {
  const whole = ns / 1_000_000_000n;
  return ns < 0n && whole * 1_000_000_000n !== ns ? whole - 1n : whole;
}
