/**
 * From manifest lines back to the ledger. A line whose warehouse file is there is *stored*; one without is *manifested*
 * when a file of its content lies in `underprocess/` (its job goes on with it), else *stored* and `unconfirmed`; one that
 * was given up is free; one that was taken out again is *stored* and `withdrawn` (rebuild-taken-out.ts).
 * Guarantees: reads each line once, in batches; a content that stands in several lines gets one row.
 */
import { dirname } from 'node:path';
import type { Tx } from '../../queue/backend.js';
import type { FeedOptions } from '../config/options.js';
import { EnvironmentError } from '../errors.js';
import { type FeedFiles, statEntry } from '../files/feed-files.js';
import { partitionOf } from '../files/places.js';
import { type Content, contentOfGeneration, waitToken } from '../ledger/content.js';
import { nameOfBytes, shownName } from '../linux/index.js';
import { type FoundManifest, pathBytesOf, type ReadRecord } from '../manifest/read.js';
import { reserve } from '../warehouse/reserve.js';
import { isContent } from '../warehouse/target.js';
import { endJob, goOnWith, putAwayWhatIsStored } from './rebuild-jobs.js';
import { isSettled, type Making } from './rebuild-progress.js';
import { below, bytesOf, generationOf, type Line, put } from './rebuild-row.js';
import { carrierIn, hasSealed, sealedOf } from './rebuild-sealed.js';
import { enterTakenOut, takenOutBy } from './rebuild-taken-out.js';

export interface Counts {
  lines: number;
  stored: number;
  unconfirmed: number;
  manifested: number;
  /** The older state knew them, and the disk says the same. */
  known: number;
  withdrawn: number;
  /** A content that a line before had named. */
  repeated: number;
  /** Stored in a warehouse that this feed does not have any more. */
  elsewhere: number;
}

export const noCounts = (): Counts => ({
  lines: 0,
  stored: 0,
  unconfirmed: 0,
  manifested: 0,
  known: 0,
  withdrawn: 0,
  repeated: 0,
  elsewhere: 0,
});

/** Looks at the disk: not for inside a transaction. */
export async function lookAt(
  { backend, moved }: Pick<Making, 'backend' | 'moved'>,
  record: ReadRecord,
  file: FoundManifest,
  feed: FeedOptions,
  files: FeedFiles,
): Promise<Line> {
  const ingestedAtMs = Date.parse(String(record.fields.ingested_at)) || 0;
  const named = pathBytesOf(record, 'warehouse_path');
  const former = moved.find(({ feed: of, kind }) => of === feed.name && kind === 'warehouse')?.from;
  const target = below(feed.warehouse, named) ?? (former === undefined ? undefined : below(former, named));
  const entry = target === undefined ? undefined : files.entryOrNone(files.warehouse, target);
  const stat = statEntry(entry);
  const looksSo = stat?.kind === 'file' && stat.size === record.fields.size;
  // A sealed file of that content may be the last one, and is removed where the warehouse has it: then its size is not enough.
  const sha256 = Buffer.from(record.sha256, 'hex');
  const isLeft = looksSo && backend.read((reader) => hasSealed(reader, feed.name, sha256));
  return {
    record,
    hour: file.hour ?? partitionOf(ingestedAtMs, feed.timezone).hour,
    ingestedAtMs,
    target,
    takenOut: backend.read((reader) => takenOutBy(reader, feed.name, record.ingestId)),
    isThere: looksSo && (!isLeft || (await isContent(entry!, sha256, undefined))),
  };
}

/** `olderRows`: rows up to there were in the older state. */
export function enterLines(tx: Tx, feed: FeedOptions, lines: readonly Line[], olderRows: number): Counts {
  const counts = noCounts();
  for (const line of lines) {
    counts.lines++;
    const verdict = enter(tx, feed, line, olderRows);
    counts[line.takenOut ? enterTakenOut(tx, feed, line, line.takenOut) : verdict]++;
  }
  return counts;
}

type Verdict = Exclude<keyof Counts, 'lines'>;

function enter(tx: Tx, feed: FeedOptions, line: Line, olderRows: number): Verdict {
  const { sha256: hex, ingestId } = line.record;
  if (tx.get('SELECT 1 FROM rebuild_withdrawn WHERE feed = ? AND job = ?', feed.name, ingestId)) return 'withdrawn';
  const sha256 = Buffer.from(hex, 'hex');
  const known = contentOfGeneration(tx, feed.name, sha256, generationOf(line));
  if (!known) return enterAs(tx, feed, line, sha256, undefined);
  if (known.note === 'pruned') return 'known'; // it was stored, whatever lies there now
  const isOlders = known.row <= olderRows;
  if (known.state !== 'stored' && isOlders && !isSettled(tx, known.carrier))
    return enterAs(tx, feed, line, sha256, known);
  if (line.isThere && !line.takenOut && (known.state !== 'stored' || known.note !== null))
    isThereAfterAll(tx, known, line);
  return isOlders && known.ingestId === ingestId ? 'known' : 'repeated';
}

/** `older`: under way when the older state was copied. */
function enterAs(tx: Tx, feed: FeedOptions, line: Line, sha256: Buffer, older: Content | undefined): Verdict {
  const { ingestId } = line.record;
  if (line.isThere) {
    const row = put(tx, feed, line, { state: 'stored', carrier: ingestId, note: null }, older);
    endJobOf(tx, feed.name, line, sha256, row, older);
    return 'stored';
  }
  // What was taken out has no carrier: another file of that content is a duplicate of it.
  const carrier = line.takenOut ? undefined : carrierIn(tx, feed.name, sha256, ingestId);
  if (carrier !== undefined) {
    if (line.target === undefined) throw movedWarehouse(feed, line);
    // Held, deferred or claimed then: it is so still, for all that the disk says.
    if (older?.state === 'manifested' && older.ingestId === ingestId && older.carrier === carrier) return 'known';
    const row = put(tx, feed, line, { state: 'manifested', carrier, note: null }, older);
    reserve(tx, feed.warehouse, line.target, row);
    const mayMove = carrier === ingestId && line.record.fields.seal === 'lease';
    goOnWith(tx, feed.name, sealedOf(tx, feed.name, carrier), { sha256, row, mayMove });
    return 'manifested';
  }
  const row = put(tx, feed, line, { state: 'stored', carrier: ingestId, note: 'unconfirmed' }, older);
  endJobOf(tx, feed.name, line, sha256, row, older);
  return line.target === undefined ? 'elsewhere' : 'unconfirmed';
}

/** Its job is counted when it ends, where something of it is left to be put away (or its row is). */
function endJobOf(tx: Tx, feed: string, line: Line, sha256: Buffer, row: number, older: Content | undefined): void {
  const { ingestId } = line.record;
  const left = sealedOf(tx, feed, ingestId);
  if (left.length > 0 && line.isThere) {
    putAwayWhatIsStored(tx, feed, left, sha256, row);
    return;
  }
  // A twin may have inherited the line, with the content. What still has a file is looked at when all lines are read.
  const carriers = [ingestId, ...(older?.ingestId === ingestId ? [older.carrier] : [])];
  const ended = carriers.some(
    (id) => sealedOf(tx, feed, id).length === 0 && endJob(tx, id, sha256, row, bytesOf(line)),
  );
  if (!ended) countStored(tx, feed, line);
}

/** Two lines of one content, which no run of ours should leave: the one whose file is there counts. Its job, if any, ends. */
function isThereAfterAll(tx: Tx, known: Content, line: Line): void {
  tx.run(
    "UPDATE contents SET state = 'stored', note = NULL, target = ?, hour = ?, ingest_id = ? WHERE row = ?",
    ...[Buffer.from(line.target!, 'latin1'), line.hour, line.record.ingestId, known.row],
  );
  tx.run('DELETE FROM reservations WHERE content = ?', known.row);
  tx.wake([waitToken(known.row)]);
}

const countStored = (tx: Tx, feed: string, line: Line): void => tx.count(feed, 'move', 'stored', 1, bytesOf(line));

const movedWarehouse = (feed: FeedOptions, line: Line): EnvironmentError => {
  const named = shownName(nameOfBytes(pathBytesOf(line.record, 'warehouse_path')));
  return new EnvironmentError(
    'warehouse_changed',
    `--warehouse of feed ${feed.name} is ${feed.warehouse}, but a file that is still under way has the line ${named}: rebuild with the former one (${dirname(dirname(named))}?), and change it when all is stored.`,
  );
};
