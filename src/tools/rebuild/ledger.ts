/**
 * Rebuilds the ledger from manifest lines: each line is judged with all evidence, and the verdict is entered.
 * Guarantees: a content with several lines gets one row. Idempotent.
 */
import { dirname } from 'node:path';
import type { Tx } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import { EnvironmentError } from '../../base/errors.js';
import type { Case } from '../../ingest/evidence/case.js';
import { judge } from '../../ingest/evidence/table.js';
import { type Content, contentOfGeneration, waitToken } from '../../ingest/ledger/content.js';
import { forgetPruned } from '../../ingest/ledger/pruned.js';
import { generationOf, pathBytesOf } from '../../ingest/manifest/read.js';
import { reserveForLine } from '../../ingest/warehouse/reserve.js';
import { nameOfBytes, shownName } from '../../linux/index.js';
import { caseOf, type Known, sealedFor } from './case.js';
import { endJob, goOnWith, putAwayWhatIsStored } from './state/jobs.js';
import { enterGivenUp, enterMade, reserveMade } from './state/made.js';
import { isSettled } from './state/progress.js';
import { bytesOf, type Line, put } from './state/row.js';
import { sealedOf } from './state/sealed.js';
import { enterTakenOut } from './taken-out.js';

export interface Counts {
  lines: number;
  stored: number;
  unconfirmed: number;
  manifested: number;
  /** Contents that the older state knew, and that the disk confirms. */
  known: number;
  withdrawn: number;
  /** Lines whose content an earlier line had. */
  repeated: number;
  /** Lines of a warehouse that this feed does not have any more. */
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
  if (isEntered(tx, line, known)) return known.isOlder ? 'known' : 'repeated';
  const of = caseOf(tx, feed.name, line, known);
  const { truth, acts } = judge(of);
  if (truth === 'given_up') {
    // Its row was removed before any line was read. Its file is removed after all lines.
    if (line.made) enterGivenUp(tx, feed, record.ingestId, line.made);
    return 'withdrawn';
  }
  if (truth === 'withdrawn') {
    if (of.row === 'withdrawn') return 'withdrawn';
    if (of.row === 'pruned') {
      if (content!.hour !== line.hour) return 'withdrawn'; // The pruned record belongs to another line, which is valid.
      // It was counted when it was stored. A withdrawn content is never pruned, so it gets a row again.
      forgetPruned(tx, feed.name, sha256);
      enterMade(
        tx,
        put(tx, feed, line, { state: 'stored', carrier: record.ingestId, note: 'unconfirmed' }, undefined),
        line.made,
      );
    } else if (!isStored(of)) enterStored(tx, feed, line, { sha256, older: content, note: 'unconfirmed' });
    enterTakenOut(tx, feed, line, acts.includes('take_out'));
    return 'withdrawn';
  }
  if (acts.includes('enter_manifested') || (truth === 'manifested' && of.row === 'manifested'))
    return enterManifested(tx, feed, line, sha256, content);
  if (acts.includes('enter_stored') && isStored(of)) {
    isThereAfterAll(tx, content!, line);
  } else if (acts.includes('enter_stored') || acts.includes('enter_unconfirmed')) {
    const note = acts.includes('enter_stored') ? null : 'unconfirmed';
    enterStored(tx, feed, line, { sha256, older: content, note });
    if (note === null) return 'stored';
    return line.target === undefined ? 'elsewhere' : 'unconfirmed';
  }
  return known.isOlder && (content!.ingestId === record.ingestId || content!.note === 'pruned') ? 'known' : 'repeated';
}

/** The same line was read before: in a rotated copy of its manifest, or by the older state. */
function isEntered(tx: Tx, { record }: Line, { content, isOlder }: Known): boolean {
  if (content?.ingestId !== record.ingestId) return false;
  return !isOlder || (content.state !== 'stored' && isSettled(tx, content.carrier));
}

const isStored = ({ row }: Case): boolean => row === 'stored' || row === 'unconfirmed';

interface AsStored {
  sha256: Buffer;
  /** The content was on the way, or learned, when the older state was copied. */
  older: Content | undefined;
  note: 'unconfirmed' | null;
}

function enterStored(tx: Tx, feed: FeedOptions, line: Line, { sha256, older, note }: AsStored): void {
  const row = put(tx, feed, line, { state: 'stored', carrier: line.record.ingestId, note }, older);
  enterMade(tx, row, line.made);
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
  const carrier = sealedFor(tx, feed.name, line, sha256).carrier!;
  // It was held, deferred or claimed then. The disk does not contradict, so it stays.
  if (older?.state === 'manifested' && older.ingestId === ingestId && older.carrier === carrier) return 'known';
  const row = put(tx, feed, line, { state: 'manifested', carrier, note: null }, older);
  enterMade(tx, row, line.made);
  reserveForLine(tx, feed.warehouse, line.target, row);
  reserveMade(tx, feed, row, line.made);
  const mayMove = carrier === ingestId && line.record.fields.seal === 'lease';
  goOnWith(tx, feed.name, sealedOf(tx, feed.name, carrier), { sha256, row, mayMove, isMade: line.made !== undefined });
  return 'manifested';
}

/** If something is left to put away, the content is counted when its job ends; otherwise with its row. */
function endJobOf(tx: Tx, feed: string, line: Line, sha256: Buffer, row: number, older: Content | undefined): void {
  const { ingestId } = line.record;
  const left = sealedOf(tx, feed, ingestId);
  if (left.length > 0 && line.path === 'mine') {
    putAwayWhatIsStored(tx, feed, left, sha256, row);
    return;
  }
  // A twin may have inherited the line and the content. Jobs that still have a file are checked when all lines are read.
  const carriers = [ingestId, ...(older?.ingestId === ingestId ? [older.carrier] : [])];
  const ended = carriers.some(
    (id) => sealedOf(tx, feed, id).length === 0 && endJob(tx, id, sha256, row, bytesOf(line)),
  );
  if (!ended) countStored(tx, feed, line);
}

/** Two lines of one content, which no run of ours should leave. The line whose file exists counts, and its job, if any, ends. */
function isThereAfterAll(tx: Tx, known: Content, line: Line): void {
  tx.run(
    "UPDATE contents SET state = 'stored', note = NULL, target = ?, hour = ?, ingest_id = ? WHERE row = ?",
    ...[Buffer.from(line.target!, 'latin1'), line.hour, line.record.ingestId, known.row],
  );
  enterMade(tx, known.row, line.made);
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
