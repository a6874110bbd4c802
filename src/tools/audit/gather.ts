/**
 * Notes the rows of the ledger, then the lines of the manifests, then the files of the warehouses. In this order a running ingest
 * causes no difference: a content that is *stored* in the first part has its line and file in the later parts.
 * Guarantees: bounded memory; reads in pages and short transactions; changes nothing.
 */
import type { Reader } from '../../../queue/backend.js';
import type { QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { pages } from '../../base/pages.js';
import { deadMountCode } from '../../files/dead-mount.js';
import { type EntryBelow, entriesBelow } from '../../files/entries-below.js';
import { baseOf, folderOf, SUCCESS, SUCCESS_TOKEN } from '../../files/job-paths.js';
import { isOwnName } from '../../files/marker.js';
import { errnoOf, inPlace, PlaceError } from '../../files/place-error.js';
import type { Output } from '../../ingest/chains/recorded-outputs.js';
import { absolute, FeedFiles } from '../../ingest/files/feed-files.js';
import { recordedRoots } from '../../ingest/files/recorded-roots.js';
import { type Content, contentsAfter } from '../../ingest/ledger/content.js';
import {
  generationOf,
  linesInBatches,
  manifestFiles,
  pathBytesOf,
  processedIn,
  type ReadLine,
  type ReadRecord,
  recordOf,
} from '../../ingest/manifest/read.js';
import { UnreadableManifest } from '../../ingest/manifest/unpack.js';
import { identityOf } from '../../ingest/rules/identity.js';
import { TEMPORARY } from '../../ingest/warehouse/target.js';
import { type ByteName, joinNames, nameOfBytes, nameOfText, shownName } from '../../linux/index.js';
import type { AuditNotes } from './notes.js';

const PAGE = 2_000;
/** Characters kept of a piece that is not a record, to recognise it later. */
const PIECE_CHARS = 65_536;

export type Count = (n: number) => void;

export function noteLedger(view: QueueView, feeds: readonly FeedOptions[], notes: AuditNotes, count: Count): void {
  const warehouses = new Map(feeds.map(({ name, warehouse }) => [name, warehouse]));
  // A content that is pruned meanwhile comes again as a new row, and would be noted twice.
  const last = view.read((r) => r.get<{ row: number | null }>('SELECT max(row) AS row FROM contents'))?.row ?? 0;
  const pageAfter = (before?: Content) =>
    view.read((r) => contentsAfter(r, before?.row ?? 0, PAGE)).filter(({ row }) => row <= last);
  for (const page of pages(pageAfter)) {
    const [outputs, left] = view.read((r) => [outputsOf(r, page), leftOf(r, page)]);
    notes.together(() => {
      for (const c of page) noteContent(c, warehouses.get(c.feed), left.has(c.row), notes);
      for (const { feed, target, ...output } of outputs) {
        const root = warehouses.get(feed);
        if (root !== undefined) notes.insert('outputs', { ...output, path: absolute(root, nameOfBytes(target!)) });
      }
    });
    count(page.length);
  }
}

function noteContent({ asked: _, ...c }: Content, root: string | undefined, hasLeft: boolean, notes: AuditNotes): void {
  // It is another host's.
  if (c.state === 'elsewhere') return;
  const below = c.target && root !== undefined ? absolute(root, nameOfBytes(c.target)) : null;
  // A learned file may lie in the warehouse.
  const path = c.state === 'learned' ? c.sourcePath : below;
  notes.insert('contents', { ...c, path, hasLeft: hasLeft ? 1 : 0 });
}

interface OutputOf extends Pick<Output, 'size' | 'sha256' | 'target'> {
  ingestId: string;
  hasLeft: number;
  feed: string;
}

const HAVE = 'SELECT content FROM names WHERE content BETWEEN ? AND ? AND n = 0';
/** The rows of a page whose name another content has since. */
function leftOf(reader: Reader, page: readonly Content[]): Set<number> {
  const have = new Set((reader.arrays(HAVE, page[0]!.row, page.at(-1)!.row) as [number][]).map(([row]) => row));
  return new Set(page.flatMap(({ row, target }) => (target === null || have.has(row) ? [] : row)));
}

/** The rows of a page, in order. */
const outputsOf = (reader: Reader, page: readonly Content[]): OutputOf[] =>
  reader.all<OutputOf>(
    `SELECT c.ingest_id AS ingestId, c.feed, o.size, o.sha256, o.target,
         NOT EXISTS (SELECT 1 FROM names f WHERE f.content = o.content AND f.n = o.n) AS hasLeft
       FROM outputs o JOIN contents c ON c.row = o.content WHERE o.content BETWEEN ? AND ? AND o.target IS NOT NULL`,
    ...[page[0]!.row, page.at(-1)!.row],
  );

type Manifests = Pick<FeedOptions, 'name' | 'manifests'>;

/** The manifests of every feed that shares the warehouse, also of a retired one. */
const OF_WAREHOUSE = `SELECT m.feed AS name, m.path AS manifests, m.marker FROM roots own
    JOIN roots w ON w.kind = 'warehouse' AND w.marker = own.marker
    JOIN roots m ON m.feed = w.feed AND m.kind = 'manifests'
  WHERE own.feed = ? AND own.kind = 'warehouse'`;

/**
 * Notes the lines of all that share the warehouse of the feed, judged or not: the path of a pruned file is in its line alone. Where
 * they cannot be read, any file that nobody knows may be of them. `read`: the markers of manifests, and whether they were noted.
 */
export async function noteSharing(
  view: QueueView,
  feed: FeedOptions,
  read: Map<string, boolean>,
  notes: AuditNotes,
  count: Count,
): Promise<void> {
  const sharing = view.read((r) => r.all<Manifests & { marker: string }>(OF_WAREHOUSE, feed.name));
  for (const { name, manifests, marker } of sharing) {
    notes.insert('sharing', { warehouse: feed.warehouse, feed: name });
    if (!read.has(marker)) read.set(marker, await canNote(view, { name, manifests }, notes, count));
    if (!read.get(marker)) notes.insert('unread', { warehouse: feed.warehouse, feed: name, manifests });
  }
}

async function canNote(view: QueueView, feed: Manifests, notes: AuditNotes, count: Count): Promise<boolean> {
  if ((await deadMountCode(feed.manifests, feed.manifests)) !== undefined) return false;
  const files = new FeedFiles(recordedRoots(view, feed.name));
  try {
    files.manifests; // Checks the marker.
    await noteManifests(view, feed, notes, count);
    return true;
  } catch (error) {
    if (error instanceof PlaceError || error instanceof UnreadableManifest || errnoOf(error) !== undefined)
      return false;
    throw error;
  } finally {
    files.close();
  }
}

/** `feed`: the owner of the manifests root. Each record names its own feed. */
export async function noteManifests(view: QueueView, feed: Manifests, notes: AuditNotes, count: Count): Promise<void> {
  const open = new Map(
    view
      .read((r) => r.all<{ file: string; at: number }>('SELECT file, at FROM appends'))
      .map(({ file, at }) => [file, at]),
  );
  noteOwed(view, feed.name, notes);
  for (const file of manifestFiles(feed.manifests, 'corrections')) {
    for await (const lines of linesInBatches(file.path, PAGE))
      notes.together(() => {
        for (const { record } of lines)
          if (record?.fields.correction === 'withdrawn') noteCorrection(feed.name, record, notes);
      });
  }
  for (const file of manifestFiles(feed.manifests, 'manifest')) {
    if (file.hour !== undefined) notes.insert('hours', { root: feed.manifests, hour: file.hour });
    const end = open.get(file.path) ?? Number.POSITIVE_INFINITY;
    for await (const lines of linesInBatches(file.path, PAGE)) {
      notes.together(() => {
        for (const line of lines) {
          if (line.record) noteRecord(feed.name, file.path, line, notes);
          // A planned append that is not confirmed yet will be written by the worker that goes on with it.
          else if (line.at < end) notePiece(feed.manifests, file.path, file.hour, line, notes);
        }
      });
      count(lines.length);
    }
  }
}

/** Reads owed corrections before the files. A correction that is written meanwhile is then in both lists instead of in neither. */
function noteOwed(view: QueueView, feed: string, notes: AuditNotes): void {
  const owed = view.read((r) => r.all<{ line: string }>('SELECT line FROM corrections'));
  notes.together(() => {
    for (const { line } of owed) noteCorrection(feed, recordOf(line)!, notes);
  });
}

function noteCorrection(feed: string, { ingestId, feed: its, fields }: ReadRecord, notes: AuditNotes): void {
  const takenOut = typeof fields.by === 'string' ? 1 : 0;
  notes.insert('withdrawn', { feed: its ?? feed, ingestId, takenOut });
}

function noteRecord(
  feed: string,
  file: string,
  { record, no }: Extract<ReadLine, { endAt: number }>,
  notes: AuditNotes,
) {
  const { ingestId, raw } = record;
  const sha256 = Buffer.from(record.sha256, 'hex');
  const path = pathBytesOf(record, 'warehouse_path');
  const generation = generationOf(record);
  notes.insert('lines', { feed: record.feed ?? feed, sha256, generation, ingestId, path, file, no, raw });
  for (const { path, size, sha256 } of processedIn(record)?.outputs ?? [])
    notes.insert('outputs', { path, ingestId, size, sha256 });
}

function notePiece(
  root: string,
  file: string,
  hour: string | undefined,
  { no, bytes, text = '' }: Extract<ReadLine, { at: number }>,
  notes: AuditNotes,
): void {
  // If a newline was lost, each record in the piece becomes a piece of its own.
  for (const part of text.slice(0, PIECE_CHARS).split(/(?=\{"path":)/)) {
    const piece = notes.insert('pieces', { root, hour, file, no, bytes, text: part });
    for (const [digest] of part.matchAll(/\b[0-9a-f]{64}\b/g))
      notes.insert('named', { sha256: Buffer.from(digest, 'hex'), piece });
  }
}

/** All files in a warehouse, except its marker, those of its days and what its filesystem keeps at its root. */
export function noteWarehouse(feed: FeedOptions, { warehouse }: FeedFiles, notes: AuditNotes, count: Count): void {
  const failed = (at: ByteName, error: unknown): void => {
    const folder = shownName(at === '' ? nameOfText(feed.warehouse) : joinNames(nameOfText(feed.warehouse), at));
    inPlace('warehouse', folder, 'root', () => {
      throw error;
    });
  };
  let page: EntryBelow[] = [];
  const enter = (): void => {
    notes.together(() => {
      for (const entry of page) noteEntry(feed, entry, notes);
    });
    count(page.length);
    page = [];
  };
  for (const entry of entriesBelow(warehouse, { enters: () => true, failed })) {
    if (isOwnName(entry.path) || entry.stat.kind === 'directory' || isSuccess(entry)) continue;
    if (page.push(entry) >= PAGE) enter();
  }
  enter();
}

/** The success marker of a day: ours, or one of another job that writes into the same warehouse. */
const isSuccess = ({ path, stat }: EntryBelow): boolean =>
  stat.size === 0 && [SUCCESS, SUCCESS_TOKEN].includes(baseOf(path)) && /^ingest_date=[^/]*$/.test(folderOf(path));

function noteEntry(feed: FeedOptions, { path, stat }: EntryBelow, notes: AuditNotes): void {
  const kind = baseOf(folderOf(path)) === TEMPORARY ? 'temporary' : stat.kind;
  const [mtimeNs, inode] = [String(stat.mtimeNs), String(stat.ino)];
  const place = { path: absolute(feed.warehouse, path), feed: feed.name };
  notes.insert('files', { ...place, kind, size: stat.size, mtimeNs, inode, identity: identityOf(stat) });
}
