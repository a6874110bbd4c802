/** Reports what is left when every row was judged: lines without a row, files without a row, bytes that are not a line. */
import { pages } from '../../base/pages.js';
import { typed } from '../../base/shell.js';
import { contentByHash, contentByRow, contentOfGeneration } from '../../ingest/ledger/content.js';
import { givenAt, warehouseOf } from '../../ingest/ledger/names.js';
import type { JobFacts } from '../../ingest/rules/facts.js';
import { nameOfBytes } from '../../linux/names.js';
import { type FileNote, isStillThere, type Judging } from './judging.js';
import type { LineNote, Piece } from './lines.js';
import { difference, shownPath } from './words.js';
import { isLive } from './work.js';

const PAGE = 500;

/** The unary plus keeps SQLite from using an index that has half of all rows. The pages follow the row number. */
const UNKNOWN_LINES = `SELECT * FROM lines l WHERE +feed = @feed AND id > @after
    AND NOT EXISTS (SELECT 1 FROM contents c WHERE c.ingestId = l.ingestId AND +c.feed = @feed)
    AND NOT EXISTS (SELECT 1 FROM contents c WHERE c.feed = @feed AND c.sha256 = l.sha256 AND +c.generation = l.generation)
    AND NOT EXISTS (SELECT 1 FROM withdrawn w WHERE w.feed = @feed AND w.ingestId = l.ingestId)
  ORDER BY id LIMIT ${PAGE}`;
const UNKNOWN_FILES = `SELECT * FROM files WHERE known = 0 AND feed = @feed AND path > @after ORDER BY path LIMIT ${PAGE}`;
const UNTOLD_PIECES = `SELECT * FROM pieces p WHERE told = 0 AND +root = @root AND id > @after
    AND NOT EXISTS (SELECT 1 FROM pieces q WHERE q.file = p.file AND q.no = p.no AND (q.told = 1 OR q.id < p.id)) ORDER BY id LIMIT ${PAGE}`;

export function judgeLines(judging: Judging): void {
  const { view, report, feed } = judging;
  for (const line of noted<LineNote>(judging, UNKNOWN_LINES, (last) => last?.id ?? 0)) {
    const { sha256, generation, ingestId, path, file, no } = line;
    // The line may have been written after the ledger was read, or belong to a discarded job.
    if (view.read((r) => contentOfGeneration(r, feed.name, sha256, generation)) || isGivenUp(judging, ingestId))
      continue;
    const more = { sha256: sha256.toString('hex'), ingest_id: ingestId };
    report(difference('row_missing', feed.name, shownPath(path), `the ledger has no row for ${file} line ${no}`, more));
  }
}

/** Whether a correction that is not written yet will take the line back. */
function isGivenUp({ view }: Judging, id: string): boolean {
  if (view.read((r) => r.get('SELECT 1 FROM corrections WHERE job = ?', id))) return true;
  const job = view.job(id);
  return job?.ending === 'discarded' || (job?.payload as Partial<JobFacts> | undefined)?.putAway?.kind === 'discarded';
}

const FIRST = Buffer.alloc(0);

export function judgeFiles(judging: Judging): void {
  const { view, report, feed } = judging;
  let leave: { why: string | undefined } | undefined;
  for (const { path, kind, sha256 } of noted<FileNote>(judging, UNKNOWN_FILES, (last) => last?.path ?? FIRST)) {
    if (!isStillThere(path)) continue;
    const at = shownPath(path);
    if (kind === 'temporary') {
      if (!isLive(view.job(jobOf(path))))
        report(difference('left_over', feed.name, at, 'a copy that no job is making'));
      continue;
    }
    const known = knownOf(judging, sha256);
    if (known.path?.equals(path) || isGivenNow(judging, path)) continue; // It came after the ledger was read.
    leave ??= { why: whyToLeave(judging) };
    const more = {
      remedy: leave.why ?? remedyFor(judging, path, kind),
      ...(sha256 && { sha256: sha256.toString('hex') }),
    };
    report(difference('file_unknown', feed.name, at, nobodys(kind, known), more));
  }
}

/** A content whose record was pruned and whose line is gone: nothing is known of its path and of its outputs. */
const LOST = `SELECT c.feed, c.hour FROM contents c WHERE c.state = 'pruned'
    AND +c.feed IN (SELECT s.feed FROM sharing s WHERE s.warehouse = ?)
    AND NOT EXISTS (SELECT 1 FROM lines l WHERE l.feed = c.feed AND l.sha256 = c.sha256 AND +l.generation = c.generation)
  LIMIT 1`;

/** A pruned file is known by its line alone. Where lines cannot be read, or are gone, no file may be removed. */
function whyToLeave({ notes, feed: { warehouse } }: Judging): string | undefined {
  const unread = notes.get<{ feed: string; manifests: string }>('SELECT * FROM unread WHERE warehouse = ?', warehouse);
  if (unread)
    return `leave it there: it may be a file of feed ${unread.feed}, whose manifests ${unread.manifests} cannot be read; put them back, then audit again`;
  const lost = notes.get<{ feed: string; hour: string }>(LOST, warehouse);
  return (
    lost &&
    `leave it there: it may be a file of feed ${lost.feed}, which has pruned records without a line (hour ${lost.hour})`
  );
}

function remedyFor({ feed }: Judging, path: Buffer, kind: string): string {
  const learn = typed('ingest-ctl learn', path, '--feed', feed.name);
  return kind === 'file' ? `remove it, or count it as known: ${learn}` : 'remove it';
}

/** A file or an output that is not withdrawn has the name. */
function isGivenNow({ view, feed }: Judging, path: Buffer): boolean {
  const target = nameOfBytes(path.subarray(Buffer.byteLength(feed.warehouse) + 1));
  return view.read((reader) => {
    const warehouse = warehouseOf(reader, feed.name);
    const given = warehouse === undefined ? undefined : givenAt(reader, warehouse, target);
    return given?.content != null && contentByRow(reader, given.content)?.state !== 'withdrawn';
  });
}

/** Every temporary file begins with the id of its job, and a dot. */
const jobOf = (path: Buffer): string =>
  path
    .subarray(path.lastIndexOf(0x2f) + 1)
    .toString('latin1')
    .split('.')[0]!;

/** The content with the file's bytes, and its path. */
function knownOf({ view, feed }: Judging, sha256: Buffer | null): { state?: string; path?: Buffer } {
  if (!sha256) return {};
  // Feeds may share a warehouse.
  const sharing = view.feeds().filter(({ options }) => options.warehouse === feed.warehouse);
  const found = sharing.flatMap(({ name }) => view.read((r) => contentByHash(r, name, sha256)) ?? []);
  const target = found.find((content) => content.target !== null)?.target;
  return target ? { path: Buffer.concat([Buffer.from(`${feed.warehouse}/`), target]) } : { ...found[0] };
}

function nobodys(kind: string, { state, path }: ReturnType<typeof knownOf>): string {
  if (kind !== 'file') return `a ${kind} that nobody put there`;
  if (path) return `nobody knows it; its content is that of ${shownPath(path)}`;
  if (state === 'pruned') return 'no line names it; its content was ingested, and its record was pruned';
  return 'nobody knows it, neither a line nor the ledger';
}

/** Once per manifests root, however many feeds share it. */
export function judgePieces(judging: Judging): void {
  const { report, feed } = judging;
  for (const { file, no, bytes } of noted<Piece>(judging, UNTOLD_PIECES, (last) => last?.id ?? 0)) {
    report(difference('line_torn', feed.name, `${file} line ${no}`, `${bytes} bytes are no whole record of ours`));
  }
}

/** Reads in pages. `sql` returns the rows `after` the last one, in the order of a key. */
function* noted<T>({ notes, feed }: Judging, sql: string, keyOf: (last: T | undefined) => unknown): Generator<T> {
  const of = sql === UNTOLD_PIECES ? { root: feed.manifests } : { feed: feed.name };
  for (const page of pages<T>((last) => notes.all(sql, { after: keyOf(last), ...of }))) yield* page;
}
