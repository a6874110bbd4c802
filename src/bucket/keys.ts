/** The names of objects below a prefix. Each names one file of one content for ever, whatever happens to names in the warehouse. */
import { bucketAddress } from '../base/config/values/bucket.js';
import { type ByteName, bytesOfName, nameOfText } from '../linux/names.js';

/** Where the objects of a feed lie. */
export interface Prefix {
  bucket: string;
  /** '' or with a slash at its end. */
  folder: string;
}

/** S3 takes so many bytes. */
export const KEY_BYTES_MAX = 1_024;

/** The feed's name keeps the objects of two feeds apart. `address`: checked where the option was read. */
export function prefixOf(address: string, feed: string): Prefix {
  const { bucket, folders } = bucketAddress(address)!;
  return { bucket, folder: [...folders, segmentOf(Buffer.from(feed)), ''].join('/') };
}

/** `target`: below the warehouse, as `ingest_date=2026-11-26/orders.csv`. The ingest id goes before its last name. */
export function objectKey({ folder }: Prefix, ingestId: string, target: ByteName): string {
  const names = target.split('/') as ByteName[];
  const last = `${ingestId}~${names.pop()}` as ByteName;
  return folder + [...names, last].map((name) => segmentOf(bytesOfName(name))).join('/');
}

/** Undone by reading each `%XX` as a byte, so no two names have one key. */
function segmentOf(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (text === '.' || text === '..') return text.replaceAll('.', '%2E');
  const isText = Buffer.from(text).equals(bytes);
  const unsafe = isText ? UNSAFE : /[^\x20-\x24\x26-\x2e\x30-\x7e]/g;
  return (isText ? text : bytes.toString('latin1')).replace(unsafe, isText ? escaped : escapedByte);
}

/** Control characters, which no XML listing can carry; the escape sign; the slash of a feed's name. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it finds
const UNSAFE = /[\x00-\x1f\x7f-\x9f%/\ufffe\uffff]/g;
const escapedByte = (char: string): string => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
const escaped = (char: string): string => [...nameOfText(char)].map((byte) => escapedByte(byte)).join('');

/** Ten digits: in the order of their names, a reader goes on after the last one that it knows. */
export const partKey = ({ folder }: Prefix, number: number): string =>
  `${folder}_manifests/${String(number).padStart(10, '0')}.jsonl`;

/** The marker of an hour, as `2026/11/26/12`, whose lines are all in parts. */
export const hourKey = ({ folder }: Prefix, hour: string): string => `${folder}_hours/${hour}/_SUCCESS`;

export const markerKey = ({ folder }: Prefix): string => `${folder}_ingest.json`;
