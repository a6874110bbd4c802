/**
 * File names as Linux has them: bytes. A `ByteName` is a string with one char (0–255) for each byte, so every name is
 * preserved. A Buffer for each name would cost a third of the scan speed, and UTF-8 decoding loses invalid names.
 */
declare const bytes: unique symbol;
export type ByteName = string & { readonly [bytes]: true };
/** Ordinary text. Passing a ByteName here is a type error, because the two differ beyond ASCII. */
export type Text = string & { readonly [bytes]?: never };

/** From bytes of the kernel. */
export const nameOfBytes = (raw: Uint8Array): ByteName => Buffer.from(raw).toString('latin1') as ByteName;

/** From ordinary text (an option, a literal), encoded as UTF-8. */
export const nameOfText = (text: string): ByteName => Buffer.from(text, 'utf8').toString('latin1') as ByteName;

/** For system calls and BLOBs. */
export const bytesOfName = (name: ByteName): Buffer => Buffer.from(name, 'latin1');

/** The name as UTF-8 text, or undefined if its bytes are not UTF-8. */
export function textOfName(name: ByteName): string | undefined {
  const raw = bytesOfName(name);
  const text = raw.toString('utf8');
  return Buffer.from(text, 'utf8').equals(raw) ? text : undefined;
}

/** For people: UTF-8, with U+FFFD for bytes that are not. Never use it to find a file. */
export const shownName = (name: ByteName): string => bytesOfName(name).toString('utf8');

/** Either may be '', which is the root itself. */
export const joinNames = (above: ByteName, name: ByteName): ByteName =>
  (above === '' ? name : name === '' ? above : `${above}/${name}`) as ByteName;
