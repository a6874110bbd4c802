/**
 * Contents in which a half-written file can be distinguished from a whole one.
 */
import { createHash } from 'node:crypto';

const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();

/** For files that are written in one call: the digest of the rest comes first. */
export const whole = (body: Buffer): Buffer => Buffer.concat([sha256(body), body]);

const RECORD_BYTES = 132;
/** For files that grow: all records have one size, and each record is verifiable by itself. `body`: 100 bytes. */
export const record = whole;

export const BLOCK_BYTES = 4_096;

/**
 * For files that are overwritten from the beginning, one block a call: each state has newer blocks before older ones.
 */
export function block(version: number, index: number): Buffer {
  const bytes = Buffer.alloc(BLOCK_BYTES, version & 0xff);
  bytes.writeUInt32LE(version, 0);
  bytes.writeUInt32LE(index, 4);
  return bytes;
}

function judgeBlocks(content: Buffer): string | undefined {
  let version: number | undefined;
  for (let index = 0; index * BLOCK_BYTES < content.length; index++) {
    const bytes = content.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES);
    const here = bytes.readUInt32LE(0);
    if (!bytes.equals(block(here, index))) return `block ${index} is torn`;
    if (version !== undefined && here > version)
      return `block ${index} is of version ${here}, those before it of ${version}`;
    if (version !== undefined && content.readUInt32LE(0) - here > 1)
      return `block ${index} is of ${here}, the first of ${content.readUInt32LE(0)}`;
    version = here;
  }
  return undefined;
}

/** Returns what is wrong with the content; undefined: it is a state that the file had. */
export function judge(name: string, content: Buffer): string | undefined {
  if (content.length === 0) return undefined;
  if (name.endsWith('.blocks')) return judgeBlocks(content);
  if (!name.endsWith('.log')) return isWhole(content) ? undefined : `${content.length} bytes are not what was written`;
  for (let at = 0; at < content.length; at += RECORD_BYTES) {
    if (!isWhole(content.subarray(at, at + RECORD_BYTES))) return `the record at ${at} of ${content.length} is torn`;
  }
  return undefined;
}

const isWhole = (bytes: Buffer): boolean =>
  bytes.length > 32 && sha256(bytes.subarray(32)).equals(bytes.subarray(0, 32));
