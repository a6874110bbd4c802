/** A row of the ledger, as the rest of the program sees it. Times in wall-clock ms; 64-bit values as decimal text or bigint. */
import type { Reader } from '../../queue/backend.js';
import { type ByteName, shownName } from '../linux/index.js';
import type { SealKind } from '../stages/job.js';

export type ContentState = 'carried' | 'manifested' | 'stored';

export interface Content {
  row: number;
  feed: string;
  sha256: Buffer;
  generation: number;
  state: ContentState;
  carrier: string;
  size: number;
  /** Decimal, exact. */
  device: string;
  inode: string;
  mtimeNs: string;
  sourcePath: Buffer;
  seal: SealKind;
  /** Relative to the warehouse; null until its line is planned. */
  target: Buffer | null;
  hour: string | null;
  ingestId: string | null;
  ingestedAtMs: number | null;
  /** `unconfirmed`: nobody saw it in place. `learned`: loaded by other means; `sourcePath` is absolute then. */
  note: string | null;
}

const COLUMNS = `row, feed, sha256, generation, state, carrier, size, device, inode,
  mtime_ns AS mtimeNs, source_path AS sourcePath, seal, target, hour, ingest_id AS ingestId,
  ingested_at_ms AS ingestedAtMs, note`;

/** The newest generation of a content. */
export const contentByHash = (reader: Reader, feed: string, sha256: Buffer): Content | undefined =>
  reader.get<Content>(
    `SELECT ${COLUMNS} FROM contents WHERE feed = ? AND sha256 = ? ORDER BY generation DESC LIMIT 1`,
    feed,
    sha256,
  );

export const contentByRow = (reader: Reader, row: number): Content | undefined =>
  reader.get<Content>(`SELECT ${COLUMNS} FROM contents WHERE row = ?`, row);

/** A page of the whole ledger, in the order of its rows. */
export const contentsAfter = (reader: Reader, row: number, max: number): Content[] =>
  reader.all<Content>(`SELECT ${COLUMNS} FROM contents WHERE row > ? ORDER BY row LIMIT ?`, row, max);

/** What a job waits on, when another one carries its content. */
export const waitToken = (row: number): string => `content:${row}`;

/** Where a content in this state goes on. */
export const stageOf = (state: ContentState): 'manifest' | 'move' => (state === 'carried' ? 'manifest' : 'move');

/** Where a duplicate's content is: relative to the warehouse, or absolute where it was learned elsewhere. '': nobody knows. */
export const placeOf = ({ target, note, sourcePath }: Content): ByteName =>
  (target ?? (note === 'learned' ? sourcePath : Buffer.from(''))).toString('latin1') as ByteName;

/** The same, for people. */
export const shownPlace = (warehouse: string, place: ByteName): string =>
  place.startsWith('/') ? shownName(place) : `${warehouse}/${shownName(place)}`;
