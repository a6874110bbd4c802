/** The evidence about a row in the notes and in the current state: its twin, its job, its correction. */
import type { Case } from '../../ingest/evidence/case.js';
import { contentByRow } from '../../ingest/ledger/content.js';
import type { Judging, Noted } from './judging.js';

/** Returns the job that carries the content now, which may differ from the one when the ledger was read. */
export function jobOf({ view }: Judging, row: Noted): Case['job'] {
  const now = view.read((r) => contentByRow(r, row.row));
  const job = now && view.job(now.carrier);
  if (!job) return 'none';
  return job.state === 'done' ? 'done' : 'open';
}

/** A correction that is owed counts as written. */
export function backOf({ notes }: Judging, { feed, ingestId }: Noted): Case['back'] {
  const found = notes.get<{ takenOut: number }>(
    'SELECT takenOut FROM withdrawn WHERE feed = ? AND ingestId = ?',
    ...[feed, ingestId],
  );
  if (!found) return 'no';
  return found.takenOut === 1 ? 'taken_out' : 'given_up';
}
