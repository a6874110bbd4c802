/**
 * Converts between bytes and text. The engine keeps text as bytes in a latin1 string, one character a byte. So offsets in the
 * string are offsets in the file, and text that nobody decodes is written exactly as it was read.
 * Guarantees: no replacement character gets into an output.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import type { ProcessOptions } from '../../base/config/values/process.js';
import { Held } from './fault.js';

type Encoding = ProcessOptions['encoding'];

/** Decodes the bytes in a latin1 string to the text that a module sees. */
export type Decode = (bytes: string) => string;

/** Copies a string. V8 keeps the whole text that a substring was cut from: 256 KiB for each name that a module remembers. */
const COPIED_CHARS = 12;
const scratch = Buffer.allocUnsafe(16_384);

const BEYOND_ASCII = /\P{ASCII}/u;

const decodeUtf8: Decode = (bytes) => {
  if (bytes.length <= COPIED_CHARS && !BEYOND_ASCII.test(bytes)) return bytes;
  if (bytes.length > scratch.length) return Buffer.from(bytes, 'latin1').toString('utf8');
  return scratch.toString('utf8', 0, scratch.write(bytes, 'latin1'));
};

const decodeLatin1: Decode = (bytes) => {
  if (bytes.length <= COPIED_CHARS) return bytes;
  if (bytes.length > scratch.length) return Buffer.from(bytes, 'latin1').toString('latin1');
  return scratch.toString('latin1', 0, scratch.write(bytes, 'latin1'));
};

/** Text in another encoding than latin1 goes through the engine as UTF-8; source.ts converts UTF-16 to it. */
export const decoderOf = (encoding: Encoding): Decode => (encoding === 'latin1' ? decodeLatin1 : decodeUtf8);

/** Errors: throws if the encoding has no bytes for a character. */
export function encodeText(text: string, encoding: Encoding): string {
  if (!BEYOND_ASCII.test(text)) return text;
  if (encoding === 'latin1') {
    const odd = /[\u{100}-\u{10ffff}]/u.exec(text);
    if (odd)
      throw new TypeError(`latin1 has no character ${JSON.stringify(odd[0])}; write another, or use encoding: utf-8`);
    return text;
  }
  if (/\p{Surrogate}/u.test(text)) throw new TypeError('half of a character (a lone surrogate) cannot be written');
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** The offset of the first character from `from` to `to` that is not valid UTF-8, or -1. A character that is cut off is not valid. */
export function invalidUtf8(bytes: Buffer, from: number, to: number): number {
  const part = bytes.subarray(from, to);
  if (isAscii(part) || isUtf8(part)) return -1;
  let at = 0;
  for (let end = charBytes(part[at]!); isUtf8(part.subarray(at, end)); end = at + charBytes(part[at]!)) at = end;
  return from + at;
}

/** Returns the offset after the last whole character. A character of UTF-8 has at most four bytes. */
export function wholeCharacters(bytes: Buffer, to: number): number {
  for (let at = to - 1; at >= Math.max(0, to - 4); at--) {
    const byte = bytes[at]!;
    if (byte < 0x80) return to;
    if (byte >= 0xc0) return at + charBytes(byte) <= to ? to : at;
  }
  return to;
}

/** Returns the length in bytes of the character that begins with `byte`. */
const charBytes = (byte: number): number => (byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4);

/** Counts a byte before `end`. */
export function countByte(bytes: Buffer, byte: number, end: number): number {
  let count = 0;
  for (let at = bytes.indexOf(byte); at >= 0 && at < end; at = bytes.indexOf(byte, at + 1)) count++;
  return count;
}

interface Bom {
  bytes: Buffer;
  what: string;
  /** Undefined where no chain reads it. */
  encoding?: Encoding;
}

/** The byte order marks (BOM) at the start of a text. The BOM of UTF-32 begins with that of UTF-16, and stands before it. */
const BOMS: readonly Bom[] = [
  { bytes: Buffer.from([0xef, 0xbb, 0xbf]), what: 'UTF-8', encoding: 'utf-8' },
  { bytes: Buffer.from([0xff, 0xfe, 0, 0]), what: 'UTF-32 (little endian)' },
  { bytes: Buffer.from([0, 0, 0xfe, 0xff]), what: 'UTF-32 (big endian)' },
  { bytes: Buffer.from([0xff, 0xfe]), what: 'UTF-16 (little endian)', encoding: 'utf-16le' },
  { bytes: Buffer.from([0xfe, 0xff]), what: 'UTF-16 (big endian)' },
];

export const BOM_BYTES_MAX = 4;

/** Returns the length of the BOM, 0 where there is none. Errors: holds a file whose BOM names another encoding. */
export function bomOf(first: Buffer, expected: Encoding, name: string): number {
  const bom = BOMS.find(({ bytes }) => first.subarray(0, bytes.length).equals(bytes));
  if (bom === undefined || bom.encoding === expected) return bom?.bytes.length ?? 0;
  const { bytes, what, encoding } = bom;
  const next = encoding === undefined ? 'convert it to UTF-8' : `convert it, or set encoding: ${encoding}`;
  const reason = `${name} is ${what}: its first bytes are ${bytes.toString('hex')}, but the feed expects ${expected}; ${next}`;
  throw new Held({ code: 'not_utf8', reason, byte: 0 });
}
