/**
 * Judges the line of a row: does it exist, once and whole, and does it match the ledger? The rest of a torn line is recognised by
 * the content that it names, or as a part of the original line.
 */
import type { Case } from '../../ingest/evidence/case.js';
import { UNDER_WAY } from '../../ingest/ledger/content.js';
import { recordOf } from '../../ingest/manifest/read.js';
import { deviations, type FileSeen, whoIsRight } from './compare.js';
import { digestFor } from './digests.js';
import { about, expected, type FileNote, type Judging, madeOf, type Noted } from './judging.js';
import type { AuditNotes } from './notes.js';
import { difference, shownPath } from './words.js';

export interface LineNote {
  id: number;
  feed: string;
  sha256: Buffer;
  generation: number;
  ingestId: string;
  path: Buffer;
  file: string;
  no: number;
  raw: string;
}

/** The fields that say where the content is, and what it is. */
export interface Claim {
  path: Buffer;
  sha256: Buffer;
  size: number;
}

/** Judges the valid lines of the row. */
export interface LinesOfRow {
  line: Case['line'];
  all: readonly LineNote[];
}

export function linesOfRow(judging: Judging, row: Noted): LinesOfRow {
  const all = linesFor(judging.notes, row);
  const [line] = all;
  if (line === undefined) return { line: 'none', all };
  if (all.length > 1) return { line: 'twice', all };
  const says = row.state !== 'pruned' && line.raw !== expected(judging, row) && differs(judging, row, line);
  return { line: says ? 'differs' : 'there', all };
}

const differs = (judging: Judging, row: Noted, line: LineNote): boolean =>
  deviations(row, recordOf(line.raw)!, madeOf(judging, row)).length > 0;

/** For a pruned record, its line alone says where the content is. */
export const claimOfLine = (row: Noted, line: LineNote): Claim => ({
  path: line.path,
  sha256: row.sha256,
  size: Number(recordOf(line.raw)!.fields.size),
});

/** Finds lines by ingest_id; or by content, if the ingest_id was edited and belongs to no other row. */
function linesFor(notes: AuditNotes, row: Noted): LineNote[] {
  return notes.all<LineNote>(
    `SELECT * FROM lines l WHERE +feed = @feed AND id IN (
        SELECT id FROM lines WHERE ingestId = @ingestId UNION
        SELECT id FROM lines m WHERE m.feed = @feed AND m.sha256 = @sha256 AND +m.generation = @generation
          AND NOT EXISTS (SELECT 1 FROM contents c WHERE c.ingestId = m.ingestId AND c.row <> @row))
       AND NOT EXISTS (SELECT 1 FROM withdrawn w WHERE w.feed = @feed AND w.ingestId = l.ingestId) ORDER BY id`,
    { feed: row.feed, ingestId: row.ingestId, sha256: row.sha256, generation: row.generation, row: row.row },
  );
}

export function reportLineMissing(judging: Judging, row: Noted): void {
  const { notes, report, feed } = judging;
  const line = expected(judging, row);
  const more = line === undefined ? {} : { line };
  const piece = pieceOf(judging, row, line);
  if (piece) {
    const told = notes.get('SELECT 1 FROM pieces WHERE file = ? AND no = ? AND told = 1', piece.file, piece.no);
    notes.run('UPDATE pieces SET told = 1 WHERE id = ?', piece.id);
    if (told) return;
    const what = `${piece.bytes} bytes are no whole record: the line of ${shownPath(row.sourcePath)} was here`;
    report(about('line_torn', row, what, { at: `${piece.file} line ${piece.no}`, ...more }));
    return;
  }
  const file = `${feed.manifests}/${row.hour}/manifest.jsonl`;
  if (row.hour !== null && !notes.get('SELECT 1 FROM hours WHERE root = ? AND hour = ?', feed.manifests, row.hour)) {
    if (notes.get('SELECT 1 FROM gone WHERE feed = ? AND hour = ?', row.feed, row.hour)) return;
    notes.insert('gone', { feed: row.feed, hour: row.hour });
    const { n } = notes.get<{ n: number }>(
      `SELECT count(*) AS n FROM contents WHERE feed = ? AND hour = ? AND NOT ${UNDER_WAY}`,
      ...[row.feed, row.hour],
    )!;
    report(difference('manifest_missing', row.feed, file, `it is gone, with the lines of ${n} stored contents`));
    return;
  }
  const name = row.state === 'pruned' ? 'a content whose record was pruned' : shownPath(row.sourcePath);
  report(about('line_missing', row, `${name} has no line in it`, { at: file, ...more }));
}

export interface Piece {
  id: number;
  file: string;
  no: number;
  bytes: number;
}

/** Finds the rest of a line: it names the content, or it is a part of the original line and of no other. */
function pieceOf(
  { notes, feed: { manifests: root } }: Judging,
  row: Noted,
  line: string | undefined,
): Piece | undefined {
  return (
    notes.get<Piece>(
      'SELECT p.* FROM named n JOIN pieces p ON p.id = n.piece WHERE n.sha256 = ? AND p.root = ? LIMIT 1',
      ...[row.sha256, root],
    ) ??
    notes.get<Piece>(
      'SELECT * FROM pieces WHERE root = ? AND hour = ? AND told = 0 AND length(text) > 1 AND instr(?, text) > 0 LIMIT 1',
      ...[root, row.hour, line ?? ''],
    )
  );
}

export function reportTwice({ report }: Judging, row: Noted, [first, ...more]: readonly LineNote[]): void {
  for (const { file, no } of more) {
    const what = `the same content has the line ${first!.file} line ${first!.no}`;
    report(about('line_twice', row, what, { at: `${file} line ${no}` }));
  }
}

/** Reports which of the two is wrong. Returns the line's values if the line is right and the row is wrong. */
export async function judgeLine(judging: Judging, row: Noted, line: LineNote): Promise<Claim | undefined> {
  const { notes, view, report, feed } = judging;
  const record = recordOf(line.raw)!;
  const found = deviations(row, record, madeOf(judging, row));
  const doubtful = found.some(({ field }) => field === 'sha256');
  const look = (path: Buffer | null) => seenAt(notes, path, doubtful);
  const job = view.job(row.carrier);
  const hour = notes.get<{ hour: string }>(
    "SELECT hour FROM hours WHERE root = @root AND @file LIKE @root || '/' || hour || '/%'",
    { root: feed.manifests, file: line.file },
  )?.hour;
  const right = whoIsRight(row, record, found, {
    atRow: await look(row.path),
    atLine: await look(line.path),
    carrier: job && { id: job.id, key: job.key },
    timezone: feed.timezone,
    hour,
  });
  const fields = found.map(({ field }) => field).join(', ');
  const at = `${line.file} line ${line.no}`;
  const known = expected(judging, row);
  const more = known === undefined ? {} : { line: known };
  if (right === 'row') {
    report(
      about('line_edited', row, `${fields} changed since the line of ${shownPath(row.sourcePath)} was written`, {
        at,
        ...more,
      }),
    );
  } else if (right === 'line') {
    const where = row.path === null ? line.path : row.path;
    report(about('row_changed', row, `its row differs from its line (${at}) in ${fields}`, { at: shownPath(where) }));
  } else {
    report(about('line_and_row_differ', row, `line and ledger differ in ${fields}`, { at, ...more }));
  }
  if (right !== 'line') return undefined;
  return { path: line.path, sha256: Buffer.from(record.sha256, 'hex'), size: Number(record.fields.size) };
}

async function seenAt(notes: AuditNotes, path: Buffer | null, hash: boolean): Promise<FileSeen | undefined> {
  const file = path && notes.get<FileNote>('SELECT * FROM files WHERE path = ?', path);
  if (!file) return undefined;
  const sha256 = file.sha256 ?? (hash ? await digestFor(notes, file) : undefined);
  return { size: file.size, inode: file.inode, mtimeNs: file.mtimeNs, sha256 };
}
