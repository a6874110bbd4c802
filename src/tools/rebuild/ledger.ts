/**
 * Rebuilds the ledger from manifest lines: each line is judged with all evidence, and the verdict is entered.
 * Guarantees: a content with several lines gets one row. Idempotent.
 */
import { dirname } from 'node:path';
import type { Tx } from '../../../queue/backend.js';
import { ulidFactory } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { EnvironmentError } from '../../base/errors.js';
import type { Case } from '../../ingest/evidence/case.js';
import { judge } from '../../ingest/evidence/table.js';
import { type Content, contentOfGeneration, hasEnded, waitToken } from '../../ingest/ledger/content.js';
import { recordException } from '../../ingest/ledger/exceptions.js';
import type { Delivered } from '../../ingest/ledger/stored.js';
import { generationOf, pathBytesOf } from '../../ingest/manifest/read.js';
import { adoptWithdrawal } from '../../ingest/upkeep/withdrawal.js';
import { bytesOfName, nameOfBytes, shownName } from '../../linux/index.js';
import { caseOf, type Known, sealedFor } from './case.js';
import { endJob, goOnUnseen, goOnWith, putAwayWhatIsStored } from './state/jobs.js';
import { enterGivenUp, enterMade } from './state/made.js';
import { isSettled } from './state/progress.js';
import { bytesOf, type Line, named, put } from './state/row.js';
import { sealedOf } from './state/sealed.js';

export const noCounts = () => ({
  lines: 0,
  stored: 0,
  unconfirmed: 0,
  manifested: 0,
  /** Contents that the older state knew, and that the disk confirms. */
  known: 0,
  /** Stored, as the older state has it, and not at their place. */
  absent: 0,
  withdrawn: 0,
  /** Lines whose content an earlier line had. */
  repeated: 0,
  /** Lines of a warehouse that this feed does not have any more. */
  elsewhere: 0,
});
export type Counts = ReturnType<typeof noCounts>;

/** `olderRows`: rows up to this number were in the older state. */
export function enterLines(tx: Tx, feed: FeedOptions, lines: readonly Line[], olderRows: number): Counts {
  const counts = noCounts();
  for (const line of lines) {
    counts.lines++;
    counts[enter(tx, feed, line, olderRows)]++;
  }
  return counts;
}

type Count = Exclude<keyof Counts, 'lines'>;

function enter(tx: Tx, feed: FeedOptions, line: Line, olderRows: number): Count {
  const { record } = line;
  const sha256 = Buffer.from(record.sha256, 'hex');
  const content = contentOfGeneration(tx, feed.name, sha256, generationOf(record));
  const known: Known = { content, isOlder: content !== undefined && content.row <= olderRows };
  if (isEntered(tx, line, known)) return known.isOlder ? asKnown(content!, line) : 'repeated';
  const of = caseOf(tx, feed.name, line, known);
  const { truth, acts } = judge(of);
  if (truth === 'given_up') {
    // Its row was removed before any line was read. Its file is removed after all lines, and its outputs before its file: without a
    // file nothing is left, and the names of its outputs may be others' by now. A job of the older state that removes them has them.
    const isLeft = sealedOf(tx, feed.name, record.ingestId).length > 0 && !isSettled(tx, record.ingestId);
    if (line.made && isLeft) enterGivenUp(tx, feed, record.ingestId, line);
    return 'withdrawn';
  }
  if (truth === 'withdrawn') {
    if (of.row === 'withdrawn') return 'withdrawn';
    if (of.row === 'pruned') {
      if (content!.hour !== line.hour) return 'withdrawn'; // The pruned record belongs to another line, which is valid.
      // It was counted when it was stored. A withdrawn content is never pruned, so it gets its record again.
      enterMade(tx, feed, put(tx, feed, line, { state: 'unconfirmed', carrier: record.ingestId }, content), line);
    } else if (!isStored(of)) enterStored(tx, feed, line, { sha256, older: content, state: 'unconfirmed' });
    enterTakenOut(tx, feed, line, acts.includes('take_out'));
    return 'withdrawn';
  }
  if (acts.includes('enter_manifested')) return enterManifested(tx, feed, line, sha256, content);
  if (acts.includes('enter_stored') && isStored(of)) {
    isThereAfterAll(tx, feed, content!, line);
  } else if (acts.includes('enter_stored') || acts.includes('enter_unconfirmed')) {
    const state = acts.includes('enter_stored') ? 'stored' : 'unconfirmed';
    enterStored(tx, feed, line, { sha256, older: content, state });
    if (state === 'stored') return 'stored';
    return line.target === undefined ? 'elsewhere' : 'unconfirmed';
  }
  const isOf = known.isOlder && (content!.ingestId === record.ingestId || content!.state === 'pruned');
  return isOf ? asKnown(content!, line) : 'repeated';
}

/** The older state stays as it is. Its word that the file was stored may be of another warehouse. */
const asKnown = ({ state }: Content, { path }: Line): Count =>
  (state === 'stored' || state === 'pruned') && path !== 'mine' ? 'absent' : 'known';

/** The same line was read before: in a rotated copy of its manifest, or by the older state. */
function isEntered(tx: Tx, { record }: Line, { content, isOlder }: Known): boolean {
  if (content?.ingestId !== record.ingestId) return false;
  return !isOlder || (!hasEnded(content) && isSettled(tx, content.carrier));
}

const isStored = ({ row }: Case): boolean => row === 'stored' || row === 'unconfirmed';

interface AsStored {
  sha256: Buffer;
  /** The content was on the way, or learned, when the older state was copied. */
  older: Content | undefined;
  state: Delivered;
}

function enterStored(tx: Tx, feed: FeedOptions, line: Line, { sha256, older, state }: AsStored): void {
  const row = put(tx, feed, line, { state, carrier: line.record.ingestId }, older);
  enterMade(tx, feed, row, line);
  countStored(tx, feed.name, line);
  endJobOf(tx, feed.name, line, sha256, row, older);
}

function enterManifested(
  tx: Tx,
  feed: FeedOptions,
  line: Line,
  sha256: Buffer,
  older: Content | undefined,
): 'known' | 'manifested' {
  const { ingestId } = line.record;
  if (line.target === undefined) throw movedWarehouse(feed, line);
  const carrier = sealedFor(tx, feed.name, line, older).carrier!;
  // It was held, deferred or claimed then. The disk does not contradict, so it stays.
  if (older?.state === 'manifested' && older.ingestId === ingestId && older.carrier === carrier) return 'known';
  const row = put(tx, feed, line, { state: 'manifested', carrier }, older);
  enterMade(tx, feed, row, line);
  const isMade = line.made !== undefined;
  const files = sealedOf(tx, feed.name, carrier);
  const mayMove = carrier === ingestId && line.record.fields.seal === 'lease';
  if (files.length === 0) goOnUnseen(tx, carrier, row, isMade);
  else goOnWith(tx, feed.name, files, { sha256, row, mayMove, isMade });
  return 'manifested';
}

function endJobOf(tx: Tx, feed: string, line: Line, sha256: Buffer, row: number, older: Content | undefined): void {
  const { ingestId } = line.record;
  const left = sealedOf(tx, feed, ingestId);
  // An id has one content: other bytes of its file never get a line.
  if (left.length > 0 && (line.path === 'mine' || !left.some((file) => file.sha256.equals(sha256)))) {
    putAwayWhatIsStored(tx, feed, left, sha256, row);
    return;
  }
  // A twin may have inherited the line and the content. Jobs that still have a file are checked when all lines are read.
  const carriers = [ingestId, ...(older?.ingestId === ingestId ? [older.carrier] : [])];
  carriers.some((id) => sealedOf(tx, feed, id).length === 0 && endJob(tx, id, sha256, row, bytesOf(line)));
}

/** Two lines of one content, which no run of ours should leave. The line whose file exists counts, and its job, if any, ends. */
function isThereAfterAll(tx: Tx, feed: FeedOptions, known: Content, line: Line): void {
  tx.run(
    "UPDATE contents SET state = 'stored', target = ?, hour = ?, ingest_id = ? WHERE row = ?",
    ...[bytesOfName(line.target!), line.hour, line.record.ingestId, known.row],
  );
  enterMade(tx, feed, named(tx, feed, line, known.row), line);
  tx.wake([waitToken(known.row)]);
}

/**
 * The content of a withdrawn file stays known. If the file is still in the warehouse (the state was lost after the correction and
 * before the removal), a job of its own takes it out. Called after the line was entered as *stored*. `take`: the file at its path is
 * its own and must be removed. Its outputs are removed in any case.
 */
function enterTakenOut(tx: Tx, feed: FeedOptions, line: Line, take: boolean): void {
  const { who, why, atMs } = line.takenOut!;
  const generation = generationOf(line.record);
  const sha256 = Buffer.from(line.record.sha256, 'hex');
  const content = contentOfGeneration(tx, feed.name, sha256, generation)!;
  if (content.state === 'withdrawn') return; // Its own job is in the older state as well, and does the rest.
  tx.run("UPDATE contents SET state = 'withdrawn' WHERE row = ?", content.row);
  recordException(tx, content, { generation, kind: 'withdraw', who, why, atMs });
  if (take || line.hasOutputs) adoptWithdrawal(tx, feed, content, newId(), { who, why }, !take);
}

const newId = ulidFactory(Date.now);

const countStored = (tx: Tx, feed: string, line: Line): void => tx.count(feed, 'move', 'stored', 1, bytesOf(line));

const movedWarehouse = (feed: FeedOptions, line: Line): EnvironmentError => {
  const named = shownName(nameOfBytes(pathBytesOf(line.record, 'warehouse_path')));
  return new EnvironmentError(
    'warehouse_changed',
    `--warehouse of feed ${feed.name} is ${feed.warehouse}, but a file that is still under way has the line ${named}: rebuild with the former one (${dirname(dirname(named))}?), and change it when all is stored.`,
  );
};
