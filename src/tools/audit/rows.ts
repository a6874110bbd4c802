/**
 * Judges every row of the ledger by its line, its correction and its file. Each cause is reported once: a torn line is not also
 * reported as a missing one, and a renamed file is not reported as one missing and one unknown file.
 */
import { pages } from '../../base/pages.js';
import { exactBytes } from '../../base/telemetry/safe.js';
import { partitionOf } from '../../files/job-paths.js';
import { type Case, type Fault, rowOf, type Verdict } from '../../ingest/evidence/case.js';
import { type Claimant, contentKey } from '../../ingest/evidence/names.js';
import { ownerOf } from '../../ingest/evidence/owner.js';
import { judge } from '../../ingest/evidence/table.js';
import { contentByRow, hasEnded } from '../../ingest/ledger/content.js';
import { lastReplacedMs } from '../../ingest/ledger/names.js';
import { bucketRow, ownPublication } from '../../ingest/ledger/publications.js';
import { withdrawalOf } from '../../ingest/upkeep/withdrawal.js';
import { digestFor } from './digests.js';
import { about, type FileNote, isStillThere, type Judging, type Noted } from './judging.js';
import {
  type Claim,
  claimOfLine,
  judgeLine,
  type LinesOfRow,
  linesOfRow,
  reportLineMissing,
  reportTwice,
} from './lines.js';
import { shownPath } from './words.js';

const PAGE = 1_000;

interface OfRows extends Judging {
  /** The feed publishes, or did once. */
  hasBucket: boolean;
  /** Files with a line up to this hour may have stayed in a warehouse that was replaced. Only of a pruned one no row says whether. */
  replacedHour: string;
}

export async function judgeRows(judging: Judging, count: (n: number) => void): Promise<void> {
  const { view, notes, feed } = judging;
  const hasBucket = view.read((reader) => bucketRow(reader, feed.name)) !== undefined;
  const replacedMs = view.read((reader) => lastReplacedMs(reader, feed.name));
  const replacedHour: string = partitionOf(replacedMs, feed.timezone).hour;
  const sql = 'SELECT * FROM contents WHERE +feed = ? AND row > ? ORDER BY row LIMIT ?';
  const pageAfter = (last?: Noted) => notes.all<Noted>(sql, feed.name, last?.row ?? Number.MIN_SAFE_INTEGER, PAGE);
  const ofRows = { ...judging, hasBucket, replacedHour };
  for (const page of pages(pageAfter)) {
    for (const row of page) await judgeRow(ofRows, row);
    count(page.length);
  }
}

async function judgeRow(judging: OfRows, row: Noted): Promise<void> {
  const isUnderWay = !hasEnded(row);
  const lines: LinesOfRow =
    isUnderWay || row.state === 'learned' ? { line: 'none', all: [] } : linesOfRow(judging, row);
  const claim = claimOf(row, lines);
  const { path, file } = isUnderWay
    ? { path: 'not_looked' as const, file: undefined }
    : await lookAt(judging, row, claim);
  const verdict = judge({
    row: rowOf(row),
    job: isUnderWay ? jobOf(judging, row) : 'none',
    line: row.state === 'manifested' ? 'there' : lines.line,
    back: backOf(judging, row),
    path,
    sealed: 'not_looked',
  });
  for (const fault of verdict.faults) FAULTS[fault]?.(judging, row, lines);
  reportCorrected(judging, row, verdict);
  const right = verdict.faults.includes('line_and_row_differ')
    ? await judgeLine(judging, row, lines.all[0]!)
    : undefined;
  const isLooked = verdict.truth === 'stored' || verdict.truth === 'gone';
  if (isLooked && isExpected(judging, row) && claim)
    judgeFile(judging, row, right ?? claim, path === 'others_line' ? 'others' : file);
  await judgeOutputs(judging, row, lines, verdict);
}

/** Returns the job that carries the content now, which may differ from the one when the ledger was read. */
function jobOf({ view }: Judging, row: Noted): Case['job'] {
  const now = view.read((r) => contentByRow(r, row.row));
  const job = now && view.job(now.carrier);
  if (!job) return 'none';
  return job.state === 'done' ? 'done' : 'open';
}

/** A correction that is owed counts as written. */
function backOf({ notes }: Judging, { feed, ingestId }: Noted): Case['back'] {
  const found = notes.get<{ takenOut: number }>(
    'SELECT takenOut FROM withdrawn WHERE feed = ? AND ingestId = ?',
    ...[feed, ingestId],
  );
  if (!found) return 'no';
  return found.takenOut === 1 ? 'taken_out' : 'given_up';
}

const FAULTS: Partial<Record<Fault, (judging: Judging, row: Noted, lines: LinesOfRow) => void>> = {
  line_twice: (judging, row, { all }) => reportTwice(judging, row, all),
  line_missing: (judging, row) => reportLineMissing(judging, row),
  correction_missing: ({ report, feed }, row) =>
    report(
      about('correction_missing', row, 'its row says withdrawn, and no correction takes its line back', {
        at: `${feed.manifests}/${row.hour}/corrections.jsonl`,
      }),
    ),
  corrected_but_there: ({ report }, row) => {
    // It was taken out meanwhile.
    if (row.path !== null && !isStillThere(row.path)) return;
    report(about('corrected_but_there', row, 'its line was taken back, and its file lies in the warehouse'));
  },
  row_changed: ({ view, report }, row) => {
    const now = view.read((r) => contentByRow(r, row.row));
    if (hasEnded(row)) report(about('row_changed', row, 'its row says stored, but its line was given up'));
    if (now === undefined || hasEnded(now)) return; // It went on meanwhile.
    report(about('row_changed', row, `its row says ${now.state}, but no job is under way with it (${now.carrier})`));
  },
};

/** Judges what is still to be done for a valid correction. */
function reportCorrected(judging: Judging, row: Noted, { acts }: Verdict): void {
  const { report, view } = judging;
  if (acts.includes('mark_withdrawn')) {
    const now = view.read((r) => contentByRow(r, row.row));
    if (now?.state === 'withdrawn') return; // Withdrawn after the ledger was read.
    report(about('row_changed', row, 'its row says stored, but a correction has taken its line back'));
  } else if (acts.includes('take_out') && !withdrawalOf(view, row)) {
    FAULTS.corrected_but_there!(judging, row, { line: 'there', all: [] });
  }
}

/**
 * Its file is to lie in the warehouse, unless a consumer took it. A feed may have removed files that it published (`--keep-local`),
 * also before --publish was taken away; of pruned ones nobody knows which (`judgeFile`).
 */
function isExpected({ view, hasBucket }: OfRows, { state, row }: Noted): boolean {
  if (state !== 'stored') return state === 'pruned';
  return !hasBucket || view.read((reader) => ownPublication(reader, row))?.isLocal !== 0;
}

function claimOf(row: Noted, { all: [line] }: LinesOfRow): Claim | undefined {
  if (row.state === 'pruned') return line && claimOfLine(row, line);
  return row.state === 'learned' || row.path === null
    ? undefined
    : { path: row.path, sha256: row.sha256, size: row.size };
}

/** Judges the outputs. They are stored with their file, and taken out after it. Those of a pruned record stand in its line. */
async function judgeOutputs(
  judging: OfRows,
  row: Noted,
  { all: [line] }: LinesOfRow,
  { truth }: Verdict,
): Promise<void> {
  const { notes, report, view } = judging;
  const ingestId = row.ingestId ?? line?.ingestId;
  const outputs = notes.all<Claim>('SELECT path, size, sha256 FROM outputs WHERE ingestId = ?', ingestId ?? '');
  for (const output of outputs) {
    if (truth === 'stored' && isExpected(judging, row)) {
      const { path, file } = await lookAt(judging, row, output);
      judgeFile(judging, row, output, path === 'others_line' ? 'others' : file);
    } else if (truth === 'withdrawn' && !withdrawalOf(view, row)) {
      const { path } = await lookAt(judging, row, output);
      if (path !== 'mine') continue;
      const what = 'its line was taken back, and an output of it lies there';
      report(about('corrected_but_there', row, what, { at: shownPath(output.path) }));
    }
  }
}

/** A file that nobody knows, with the content of the file that was at the path. `isAlong`: it has the same path below another warehouse. */
const ELSEWHERE = `SELECT path, substr(@path, @warehouse - length(path)) = substr(path, @warehouse + 1)
    AND substr(@path, 1, @warehouse + 1) <> substr(path, 1, @warehouse + 1) AS isAlong
  FROM files WHERE known = 0 AND sha256 = @sha256 ORDER BY isAlong DESC LIMIT 1`;

/** `others`: the file at the path belongs to another line, so the file of this line is gone. */
function judgeFile(
  { notes, report, hash, feed, hasBucket, replacedHour }: OfRows,
  row: Noted,
  { path, sha256, size }: Claim,
  there: FileNote | 'others' | undefined,
): void {
  const at = shownPath(path);
  // The line may have the right path, and the row a wrong one.
  const file = there === 'others' ? undefined : notes.get<FileNote>('SELECT * FROM files WHERE path = ?', path);
  if (!file) {
    const warehouse = Buffer.byteLength(feed.warehouse);
    const moved = notes.get<{ path: Buffer; isAlong: number }>(ELSEWHERE, { path, sha256, warehouse });
    if (moved) {
      notes.run('UPDATE files SET known = 2 WHERE path = ?', moved.path);
      // Only the row of a content follows its warehouse.
      if (row.state === 'pruned' && moved.isAlong === 1) return;
      report(about('file_renamed', row, `its content lies at ${shownPath(moved.path)}`, { at }));
    } else if (row.state !== 'pruned' || (!hasBucket && row.hour! > replacedHour))
      report(
        about('file_missing', row, there === 'others' ? 'another file lies there by now' : 'it is not there', { at }),
      );
  } else if (file.kind !== 'file') {
    report(about('wrong_bytes', row, `it is a ${file.kind} now`, { at }));
  } else if (file.size !== size) {
    report(about('wrong_bytes', row, `it has ${exactBytes(file.size)}, but ${exactBytes(size)} were stored`, { at }));
  } else if (file.sha256 === null) {
    if (hash) report(about('unreadable', row, 'its bytes cannot be read, or change while they are', { at }));
  } else if (!file.sha256.equals(sha256)) {
    report(about('wrong_bytes', row, `it hashes to ${file.sha256.toString('hex')} now`, { at }));
  }
}

/**
 * Finds out whose file lies at the path, from all rows and lines that name the path for a file or an output.
 * Reads the file if its size alone could confuse it with another row's file. If only one row names the path the answer is `mine`,
 * whatever the file contains; a difference in its bytes is reported separately.
 */
async function lookAt(
  { notes }: Judging,
  row: Noted,
  claim: Claim | undefined,
): Promise<{ path: Case['path']; file: FileNote | undefined }> {
  const file = claim && notes.get<FileNote>('SELECT * FROM files WHERE path = ?', claim.path);
  if (!claim || !file) return { path: claim ? 'free' : 'not_looked', file };
  if (file.kind !== 'file') return { path: 'foreign', file };
  const claimants = claimantsOf(notes, claim.path);
  const isOwn = ({ ingestId, content, generation }: LineClaim): boolean =>
    ingestId === row.ingestId || (content === contentKey(row.feed, row.sha256) && generation === row.generation);
  if (claimants.every(isOwn) && row.state !== 'withdrawn') return { path: 'mine', file };
  const sha256 = file.sha256 ?? (await digestFor(notes, file));
  const owner = sha256 && ownerOf(claimants, sha256);
  if (!owner) return { path: 'foreign', file };
  return { path: isOwn(owner) ? 'mine' : 'others_line', file };
}

type LineClaim = Claimant & { ingestId: string };

interface Row {
  ingestId: string;
  feed: string;
  /** The hash of the content. */
  its: Buffer;
  generation: number;
  sha256: Buffer;
  takenBack: number;
  hasLeft: number;
}

/** A line knows of no name that was given again: its row says so, if it has one. */
const CLAIMANTS = `SELECT ingestId, feed, its, generation, sha256, max(takenBack) AS takenBack, max(hasLeft) AS hasLeft FROM (
    SELECT ingestId, feed, sha256 AS its, generation, sha256, state = 'withdrawn' AS takenBack, hasLeft
      FROM contents WHERE path = @path AND state <> 'learned'
    UNION ALL
    SELECT l.ingestId, l.feed, l.sha256, l.generation, l.sha256, w.ingestId IS NOT NULL, 0
      FROM lines l LEFT JOIN withdrawn w ON w.feed = l.feed AND w.ingestId = l.ingestId WHERE l.path = @path
    UNION ALL
    SELECT c.ingestId, c.feed, c.sha256, c.generation, o.sha256, c.state = 'withdrawn', o.hasLeft
      FROM outputs o JOIN contents c ON c.ingestId = o.ingestId WHERE o.path = @path
    UNION ALL
    SELECT l.ingestId, l.feed, l.sha256, l.generation, o.sha256, w.ingestId IS NOT NULL, 0
      FROM outputs o JOIN lines l ON l.ingestId = o.ingestId
      LEFT JOIN withdrawn w ON w.feed = l.feed AND w.ingestId = l.ingestId WHERE o.path = @path)
  WHERE ingestId IS NOT NULL GROUP BY ingestId`;

const claimantsOf = (notes: Judging['notes'], path: Buffer): LineClaim[] =>
  notes.all<Row>(CLAIMANTS, { path }).map(({ feed, its, takenBack, hasLeft, ...row }) => ({
    ...row,
    content: contentKey(feed, its),
    takenBack: takenBack === 1,
    hasLeft: hasLeft === 1,
  }));
