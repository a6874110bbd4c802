/** The shared parts of an audit's judges: their input, and how the difference of a row is reported. */
import { lstatSync } from 'node:fs';
import type { QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { type Processed, processedOf } from '../../ingest/chains/recorded-outputs.js';
import type { Content } from '../../ingest/ledger/content.js';
import { manifestLine } from '../../ingest/manifest/record.js';
import type { AuditNotes } from './notes.js';
import { type Difference, difference, type Report, shownPath } from './words.js';

export interface Judging {
  view: QueueView;
  notes: AuditNotes;
  report: Report;
  feed: FeedOptions;
  /** True if every byte was read. */
  hash: boolean;
}

/** A noted row of the ledger, with the whole path of its target. */
export type Noted = Content & { path: Buffer | null };

export interface FileNote {
  path: Buffer;
  kind: string;
  size: number;
  inode: string;
  mtimeNs: string;
  identity: string;
  sha256: Buffer | null;
}

/** The ingestor, and consumers, go on while the audit runs: what was noted may be gone. */
export const isStillThere = (path: Buffer): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

/** The line that the ledger knows; undefined if none was planned. */
export const expected = (judging: Judging, row: Noted): string | undefined =>
  row.target === null || row.ingestId === null
    ? undefined
    : manifestLine(row, judging.feed, madeOf(judging, row)).trimEnd();

/** The outputs that a chain made of it, with their names in the line. */
export function madeOf({ view }: Judging, { row }: Noted): Processed | undefined {
  const made = view.read((reader) => processedOf(reader, row));
  return made?.outputs.every(({ target }) => target !== null) ? made : undefined;
}

export function about(kind: Difference['kind'], row: Noted, what: string, more: Partial<Difference> = {}): Difference {
  const at = row.path === null ? shownPath(row.sourcePath) : shownPath(row.path);
  const id = row.ingestId === null ? {} : { ingest_id: row.ingestId };
  return difference(kind, row.feed, at, what, { sha256: row.sha256.toString('hex'), ...id, ...more });
}
