/** Findings about ends that the shared ledger does not have yet. A state that shares nothing pays one read of an empty table. */
import type { QueueView } from '../../../queue/index.js';
import { typed } from '../../base/shell.js';
import { type Finding, finding, iso } from '../../ingest/health/finding.js';
import { JOINING, sharingHost } from '../../ingest/ledger/host.js';

const LATE_MS = 60_000;
/** More are counted as so many: queue-stat --watch counts each second. */
const COUNTED_MAX = 10_000;
const UNTOLD = `SELECT count(*) AS n, min(updated_at_ms) AS sinceMs
  FROM (SELECT updated_at_ms FROM contents WHERE told = 0 LIMIT ${COUNTED_MAX})`;
const BY_ITSELF =
  'ingest does that by itself while it runs and PostgreSQL answers; `queue-stat --fleet` says whether it does';
const AGAIN =
  'Everything that was stored here is recorded in the shared ledger again; no new content is asked for until then.';

/** `lateMs`: what is untold for a shorter time is no finding. */
export function* untoldFindings(view: Pick<QueueView, 'read'>, nowMs: number, lateMs = LATE_MS): Generator<Finding> {
  const host = view.read(sharingHost);
  if (!host) return;
  if (host.cursor === JOINING) {
    const sentence = `This state has not finished joining the shared ledger as ${host.name}: nothing is asked or recorded there.`;
    const release = `stop ingest and run ${typed('ingest-ctl host join', host.name)}`;
    yield finding('stuck', 'host_not_joined', { sentence, release });
    return;
  }
  if (host.cursor !== null) yield finding('notice', 'told_again', { sentence: AGAIN, release: BY_ITSELF });
  const { n, sinceMs } = view.read((rows) => rows.get<{ n: number; sinceMs: number }>(UNTOLD))!;
  if (n === 0 || nowMs - sinceMs < lateMs) return;
  const contents = `${n === COUNTED_MAX ? 'At least ' : ''}${n} ${n === 1 ? 'content that was stored here is' : 'contents that were stored here are'}`;
  const sentence = `${contents} not recorded in the shared ledger yet.`;
  yield finding('notice', 'contents_untold', { sentence, release: BY_ITSELF, since: iso(sinceMs) });
}
