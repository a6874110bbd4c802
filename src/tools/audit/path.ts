/** Finds out which row owns the file at a path, from all rows and lines that name the path for a file or an output. */
import type { Case } from '../../ingest/evidence/case.js';
import { type Claimant, contentKey } from '../../ingest/evidence/names.js';
import { ownerOf } from '../../ingest/evidence/owner.js';
import { digestFor } from './digests.js';
import type { FileNote, Judging, Noted } from './judging.js';
import type { Claim as Named } from './lines.js';

/**
 * Reads the file if its size alone could confuse it with another row's file. If only one row names the path the answer is `mine`,
 * whatever the file contains; a difference in its bytes is reported separately.
 */
export async function lookAt(
  { notes }: Judging,
  row: Noted,
  claim: Named | undefined,
): Promise<{ path: Case['path']; file: FileNote | undefined }> {
  const file = claim && notes.get<FileNote>('SELECT * FROM files WHERE path = ?', claim.path);
  if (!claim || !file) return { path: claim ? 'free' : 'not_looked', file };
  if (file.kind !== 'file') return { path: 'foreign', file };
  const claimants = claimantsOf(notes, claim.path);
  const isOwn = ({ ingestId, content, generation }: Claim): boolean =>
    ingestId === row.ingestId || (content === contentKey(row.feed, row.sha256) && generation === row.generation);
  if (claimants.every(isOwn) && row.state !== 'withdrawn') return { path: 'mine', file };
  const sha256 = file.sha256 ?? (await digestFor(notes, file));
  const owner = sha256 && ownerOf(claimants, sha256);
  if (!owner) return { path: 'foreign', file };
  return { path: isOwn(owner) ? 'mine' : 'others_line', file };
}

type Claim = Claimant & { ingestId: string };

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

const claimantsOf = (notes: Judging['notes'], path: Buffer): Claim[] =>
  notes.all<Row>(CLAIMANTS, { path }).map(({ feed, its, takenBack, hasLeft, ...row }) => ({
    ...row,
    content: contentKey(feed, its),
    takenBack: takenBack === 1,
    hasLeft: hasLeft === 1,
  }));
