/**
 * Judges every row of the ledger by its line and its file. One cause is told once: a row whose line was torn is not told as
 * lacking a line, a renamed file not as one that is missing and one that nobody knows.
 */
import { contentByRow } from '../ledger/content.js';
import { about, type FileNote, type Judging, type Noted } from './audit-judging.js';
import { type Claim, judgeLineOfPruned, judgeLinesOf } from './audit-lines.js';
import { shownPath } from './audit-words.js';

const PAGE = 1_000;

export async function judgeRows(judging: Judging, count: (n: number) => void): Promise<void> {
  const { notes, feed } = judging;
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const page = notes.all<Noted>(
      'SELECT * FROM contents WHERE +feed = ? AND row > ? ORDER BY row LIMIT ?',
      ...[feed.name, after, PAGE],
    );
    if (page.length === 0) return;
    for (const row of page) await judgeRow(judging, row);
    after = page.at(-1)!.row;
    count(page.length);
  }
}

async function judgeRow(judging: Judging, row: Noted): Promise<void> {
  if (row.note === 'learned') return; // it has neither line nor a file of ours
  if (row.note === 'pruned') {
    const claim = judgeLineOfPruned(judging, row);
    if (claim) judgeFile(judging, row, claim);
    return;
  }
  if (row.state !== 'stored') {
    judgeUnderWay(judging, row);
    return;
  }
  if (row.note === 'withdrawn') return; // its line is taken back, or is about to be, and its file with it
  const claim = (await judgeLinesOf(judging, row)) ?? row;
  if (row.note === null && claim.path !== null) judgeFile(judging, row, { ...claim, path: claim.path });
}

/** Nobody carries it any more, and it is not stored: its content would be missing for ever. */
function judgeUnderWay({ view, tell }: Judging, row: Noted): void {
  const now = view.read((r) => contentByRow(r, row.row));
  if (now === undefined || now.state === 'stored') return; // it went on meanwhile
  const job = view.job(now.carrier);
  if (job !== undefined && job.state !== 'done') return;
  tell(about('row_changed', row, `its row says ${now.state}, but no job is under way with it (${now.carrier})`));
}

function judgeFile({ notes, tell, hash }: Judging, row: Noted, { path, sha256, size }: Claim): void {
  const at = shownPath(path);
  const file = notes.get<FileNote>('SELECT * FROM files WHERE path = ?', path);
  if (!file) {
    const moved = notes.get<{ path: Buffer }>('SELECT path FROM files WHERE known = 0 AND sha256 = ? LIMIT 1', sha256);
    if (!moved) tell(about('file_missing', row, 'it is not there', { at }));
    else {
      notes.run('UPDATE files SET known = 2 WHERE path = ?', moved.path);
      tell(about('file_renamed', row, `its content lies at ${shownPath(moved.path)}`, { at }));
    }
  } else if (file.kind !== 'file') {
    tell(about('wrong_bytes', row, `it is a ${file.kind} now`, { at }));
  } else if (file.size !== size) {
    tell(about('wrong_bytes', row, `it has ${file.size} bytes, ${size} were stored`, { at }));
  } else if (file.sha256 === null) {
    if (hash) tell(about('unreadable', row, 'its bytes cannot be read, or change while they are', { at }));
  } else if (!file.sha256.equals(sha256)) {
    tell(about('wrong_bytes', row, `it hashes to ${file.sha256.toString('hex')} now`, { at }));
  }
}
