/**
 * Collects the evidence about a line: from the disk, the state under construction and all other lines.
 * Guarantees: reads a file's bytes if its size alone could confuse it with another line's file, or if a file may be removed
 * because of the answer.
 */
import type { Backend, Reader, Tx } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import { FAILED, partitionOf } from '../../files/job-paths.js';
import { type Case, rowOf } from '../../ingest/evidence/case.js';
import { ownerOf } from '../../ingest/evidence/owner.js';
import { type FeedFiles, statEntry } from '../../ingest/files/feed-files.js';
import { type Content, hasEnded } from '../../ingest/ledger/content.js';
import { type FoundManifest, pathBytesOf, type ReadRecord } from '../../ingest/manifest/read.js';
import { lyingAt } from '../../ingest/publishing/keep-local.js';
import { contentAt } from '../../ingest/warehouse/target.js';
import { type ByteName, nameOfBytes } from '../../linux/index.js';
import { claimantsOf, pathOf } from './paths.js';
import { hasAnyOf, madeBy } from './state/made.js';
import { isUnseen } from './state/older.js';
import { isSettled, type Making } from './state/progress.js';
import { below, belowWarehouse, ingestedAtOf, type Line, type TakenOut, targetOf } from './state/row.js';
import { hasSealed, heirIn, sealedOf } from './state/sealed.js';

/** Reads from the disk, so it must not be called inside a transaction. */
export async function lookAt(
  { backend, moved }: Pick<Making, 'backend' | 'moved'>,
  record: ReadRecord,
  file: FoundManifest,
  feed: FeedOptions,
  files: FeedFiles,
): Promise<Line> {
  const ingestedAtMs = ingestedAtOf(record);
  const line: Line = {
    record,
    hour: file.hour ?? partitionOf(ingestedAtMs, feed.timezone).hour,
    ingestedAtMs,
    target: targetOf(record, feed, moved),
    takenOut: backend.read((reader) => takenOutBy(reader, feed.name, record.ingestId)),
    path: 'free',
    isUnseen: isUnseen(backend, feed.name, record.ingestId, files),
    hasFailed: false,
    made: undefined,
    hasOutputs: false,
  };
  const isSealed = backend.read((reader) => hasSealed(reader, feed.name, Buffer.from(record.sha256, 'hex')));
  line.hasFailed = isSealed && liesInFailed(line, feed, files);
  line.path = await pathFor(backend, line, feed, files, isSealed || line.isUnseen);
  const belowIt = (path: Buffer) => belowWarehouse(path, feed, moved);
  line.made = await madeBy(record, files, belowIt, line.path !== 'mine');
  if (line.path === 'free')
    for (const { n, target } of line.made?.outputs ?? []) lyingAt(files, { target: nameOfBytes(target!), n }, record);
  const claimants = (target: ByteName, sha256: Buffer) =>
    backend.read((reader) => claimantsOf(reader, pathOf(feed, target), sha256));
  const isIts = (target: ByteName, sha256: Buffer) =>
    ownerOf(claimants(target, sha256), sha256)?.ingestId === record.ingestId;
  line.hasOutputs = line.takenOut !== undefined && (await hasAnyOf(line.made, files, isIts));
  return line;
}

const takenOutBy = (reader: Reader, feed: string, ingestId: string): TakenOut | undefined =>
  reader.get<TakenOut>(
    'SELECT who, why, at_ms AS atMs FROM rebuild_taken_out WHERE feed = ? AND ingest_id = ?',
    feed,
    ingestId,
  );

async function pathFor(
  backend: Pick<Backend, 'read'>,
  line: Line,
  feed: FeedOptions,
  files: FeedFiles,
  isSealed: boolean,
): Promise<Case['path']> {
  const { target, record } = line;
  const found = target === undefined ? undefined : lyingAt(files, { target, n: 0 }, record);
  if (!found) return 'free';
  const { entry, stat } = found;
  if (stat.kind !== 'file' || stat.size !== record.fields.size) return 'foreign';
  const claimants = backend.read((reader) => claimantsOf(reader, pathOf(feed, target!)));
  if (claimants.length === 1 && !isSealed && line.takenOut === undefined) return 'mine';
  const sha256 = await contentAt(entry);
  const owner = sha256 && ownerOf(claimants, sha256);
  if (!owner) return 'foreign';
  return owner.ingestId === record.ingestId ? 'mine' : 'others_line';
}

function liesInFailed({ record }: Line, feed: FeedOptions, files: FeedFiles): boolean {
  const path = below(feed.input, pathBytesOf(record, 'path')) ?? nameOfBytes(pathBytesOf(record, 'path'));
  const job = { id: record.ingestId, path, inside: '' as typeof path };
  return files.canHold(job) && statEntry(files.workEntry(job, 'file', FAILED)) !== undefined;
}

/** Returns the row for a line's content and generation. */
export interface Known {
  content: Content | undefined;
  /** True if the row was in the older state. */
  isOlder: boolean;
}

export function caseOf(tx: Tx, feed: string, line: Line, known: Known): Case {
  const { ingestId } = line.record;
  const row = knownRow(tx, known, ingestId);
  const isOthers = known.content !== undefined && row !== 'none' && known.content.ingestId !== ingestId;
  return {
    row: row === 'withdrawn' && isOthers ? 'stored' : row,
    job: 'none', // The jobs of the older state are checked when all lines are read.
    line: isOthers && (row === 'stored' || row === 'unconfirmed' || row === 'withdrawn') ? 'twice' : 'there',
    back: backOf(tx, feed, line, known),
    path: line.path,
    sealed: sealedFor(tx, feed, line, known.content).sealed,
  };
}

/** A row that this rebuild made for another line, whose file is not in the warehouse. */
function knownRow(tx: Tx, { content, isOlder }: Known, ingestId: string): Case['row'] {
  // A learned content, or another host's, has no line, so this line adds to it.
  if (!content || content.state === 'learned') return 'none';
  if (hasEnded(content)) return rowOf(content);
  const { carrier } = content;
  if (content.ingestId !== ingestId && (!isOlder || isSettled(tx, carrier))) return 'unconfirmed';
  return rowOf(content);
}

function backOf(tx: Tx, feed: string, { record, takenOut }: Line, { content }: Known): Case['back'] {
  if (tx.get('SELECT 1 FROM rebuild_withdrawn WHERE feed = ? AND job = ?', feed, record.ingestId)) return 'given_up';
  const isOwed = content?.state === 'withdrawn' && content.ingestId === record.ingestId;
  return takenOut !== undefined || isOwed ? 'taken_out' : 'no';
}

/**
 * Returns the sealed file that goes on with the line: the file of its own job, or of the twin that inherited the line. `known`: the
 * content in the older state.
 */
export function sealedFor(
  tx: Tx,
  feed: string,
  { record, isUnseen, hasFailed, takenOut, made }: Line,
  known: Content | undefined,
): { sealed: Case['sealed']; carrier?: string } {
  const sha256 = Buffer.from(record.sha256, 'hex');
  if (takenOut) return { sealed: 'none' }; // Another file with that content is a duplicate.
  const own = isSettled(tx, record.ingestId) ? [] : sealedOf(tx, feed, record.ingestId);
  const fits = own.find((file) => file.sha256.equals(sha256));
  if (fits) return { sealed: 'file', carrier: record.ingestId };
  // Nobody else writes to a private copy: the one that the line is about has left. A lease is of the file itself, and `move` holds it.
  if (own.length > 0 && record.fields.seal === 'copy') return { sealed: 'none' };
  if (own.length > 0) return { sealed: 'other_bytes', carrier: record.ingestId };
  // It may be its file: the job goes on with it, and finds out.
  if (isUnseen && !isSettled(tx, record.ingestId)) return { sealed: 'file', carrier: record.ingestId };
  // The discarded file may have been pruned from failed/ since.
  const isInherited =
    known !== undefined && !hasEnded(known) && known.ingestId === record.ingestId && known.carrier !== record.ingestId;
  // A line with outputs has no other heir.
  const heir = (hasFailed || isInherited) && !made ? heirIn(tx, feed, sha256, record.ingestId) : undefined;
  return heir === undefined ? { sealed: 'none' } : { sealed: 'file', carrier: heir };
}
