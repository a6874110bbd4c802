/**
 * File names as Linux has them: bytes. A `ByteName` is a string with one char (0–255) for each byte, so every name is
 * preserved. A Buffer for each name would cost a third of the scan speed, and UTF-8 decoding loses invalid names.
 */
import { isUtf8 } from 'node:buffer';

declare const bytes: unique symbol;
export type ByteName = string & { readonly [bytes]: true };
/** Ordinary text. Passing a ByteName here is a type error, because the two differ beyond ASCII. */
export type Text = string & { readonly [bytes]?: never };

/** A lone surrogate of this range is no text: 0xdc00 and a byte, as in Python's `surrogateescape`. */
const KEPT_BYTE = /([\udc80-\udcff])/u;
const KEPT_FROM = 0xdc00;

/** From bytes of the kernel. */
export const nameOfBytes = (raw: Uint8Array): ByteName => Buffer.from(raw).toString('latin1') as ByteName;

/** From ordinary text (an option, a literal), encoded as UTF-8. A byte that `textOfBytes` has kept becomes itself. */
export const nameOfText = (text: string): ByteName =>
  (KEPT_BYTE.test(text) ? text.split(KEPT_BYTE).map(asBytes).join('') : asUtf8(text)) as ByteName;

const asUtf8 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const asBytes = (part: string): string =>
  KEPT_BYTE.test(part) ? String.fromCharCode(part.charCodeAt(0) - KEPT_FROM) : asUtf8(part);

/** False where `textOfBytes` has kept a byte that is not UTF-8. */
export const isText = (text: string): boolean => !KEPT_BYTE.test(text);

/** Text that `nameOfText` turns into the same bytes, also where they are not UTF-8. */
export function textOfBytes(raw: Buffer): string {
  let text = '';
  for (let at = 0; at < raw.length; ) {
    const length = [1, 2, 3, 4].find((n) => at + n <= raw.length && isUtf8(raw.subarray(at, at + n)));
    text += length ? raw.toString('utf8', at, at + length) : String.fromCharCode(KEPT_FROM + raw[at]!);
    at += length ?? 1;
  }
  return text;
}

/** For system calls and BLOBs. */
export const bytesOfName = (name: ByteName): Buffer => Buffer.from(name, 'latin1');

/** For people: UTF-8, with U+FFFD for bytes that are not. Never use it to find a file. */
export const shownName = (name: ByteName): string => bytesOfName(name).toString('utf8');

/** Either may be '', which is the root itself. */
export const joinNames = (above: ByteName, name: ByteName): ByteName =>
  (above === '' ? name : name === '' ? above : `${above}/${name}`) as ByteName;
