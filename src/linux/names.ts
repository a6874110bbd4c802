/**
 * File names as Linux has them: bytes. A `ByteName` is a string with one char (0–255) per byte, so that no name is
 * lost on the way (a Buffer per name costs a third of the scan's speed, UTF-8 decoding loses invalid names).
 */
declare const bytes: unique symbol;
export type ByteName = string & { readonly [bytes]: true };
/** Ordinary text: a ByteName given where this is wanted is an error of types, since the two differ beyond ASCII. */
export type Text = string & { readonly [bytes]?: never };

/** From the bytes that the kernel gave. */
export const nameOfBytes = (raw: Uint8Array): ByteName => Buffer.from(raw).toString('latin1') as ByteName;

/** From ordinary text (an option, a literal), encoded as UTF-8. */
export const nameOfText = (text: string): ByteName => Buffer.from(text, 'utf8').toString('latin1') as ByteName;

/** For system calls and BLOBs. */
export const bytesOfName = (name: ByteName): Buffer => Buffer.from(name, 'latin1');

/** The name as UTF-8 text, or undefined where its bytes are not UTF-8. */
export function textOfName(name: ByteName): string | undefined {
  const raw = bytesOfName(name);
  const text = raw.toString('utf8');
  return Buffer.from(text, 'utf8').equals(raw) ? text : undefined;
}

/** For people: UTF-8 with U+FFFD where it is not. Never use it to find a file again. */
export const shownName = (name: ByteName): string => bytesOfName(name).toString('utf8');

/** Either may be '': the root itself. */
export const joinNames = (above: ByteName, name: ByteName): ByteName =>
  (above === '' ? name : name === '' ? above : `${above}/${name}`) as ByteName;
