/** The byte order mark (BOM) at the start of a text: it names the encoding of the file, which must be that of the feed. */
import type { ProcessOptions } from '../../base/config/values/process.js';
import { Held } from './fault.js';

type Encoding = ProcessOptions['encoding'];

interface Bom {
  bytes: Buffer;
  what: string;
  /** Undefined where no chain reads it. */
  encoding?: Encoding;
}

/** The BOM of UTF-32 begins with that of UTF-16, and stands before it. */
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
