/** Finds out which row owns the file at a path, from all rows and lines that name the path. */
import type { Case } from '../../ingest/evidence/case.js';
import { type Claimant, ownerOf } from '../../ingest/evidence/owner.js';
import { digestFor } from './digests.js';
import type { FileNote, Judging, Noted } from './judging.js';
import type { Claim } from './lines.js';

export interface AtPath {
  path: Case['path'];
  file: FileNote | undefined;
}

/**
 * Reads the file if its size alone could confuse it with another row's file. If only one row names the path the answer is `mine`,
 * whatever the file contains; a difference in its bytes is reported separately.
 */
export async function lookAt({ notes }: Judging, row: Noted, claim: Claim | undefined): Promise<AtPath> {
  const file = claim && notes.get<FileNote>('SELECT * FROM files WHERE path = ?', claim.path);
  if (!claim || !file) return { path: claim ? 'free' : 'not_looked', file };
  if (file.kind !== 'file') return { path: 'foreign', file };
  const claimants = claimantsOf(notes, claim.path);
  const isAlone = claimants.every(({ ingestId }) => ingestId === row.ingestId);
  if (isAlone && row.note !== 'withdrawn') return { path: 'mine', file };
  const sha256 = file.sha256 ?? (await digestFor(notes, file));
  const owner = sha256 && ownerOf(claimants, sha256);
  if (!owner) return { path: 'foreign', file };
  const isOwn =
    owner.ingestId === row.ingestId || (owner.sha256.equals(row.sha256) && owner.generation === row.generation);
  return { path: isOwn ? 'mine' : 'others_line', file };
}

interface Row {
  ingestId: string;
  sha256: Buffer;
  generation: number;
  takenBack: number;
}

const claimantsOf = (notes: Judging['notes'], path: Buffer): Claimant[] =>
  notes
    .all<Row>(
      `SELECT ingestId, sha256, generation, max(takenBack) AS takenBack FROM (
         SELECT ingestId, sha256, generation, note IS 'withdrawn' AS takenBack FROM contents WHERE path = @path AND note IS NOT 'learned'
         UNION ALL
         SELECT l.ingestId, l.sha256, l.generation, w.ingestId IS NOT NULL FROM lines l
           LEFT JOIN withdrawn w ON w.feed = l.feed AND w.ingestId = l.ingestId WHERE l.path = @path)
       WHERE ingestId IS NOT NULL GROUP BY ingestId`,
      { path },
    )
    .map(({ takenBack, ...row }) => ({ ...row, takenBack: takenBack === 1 }));
