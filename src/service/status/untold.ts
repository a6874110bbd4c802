/** What a state that shares its ledger has not told it. A state that shares nothing pays one read of an empty table. */
import type { QueueView } from '../../../queue/index.js';
import { typed } from '../../base/shell.js';
import { type Finding, iso } from '../../ingest/health/finding.js';
import { JOINING, sharingHost } from '../../ingest/sharing/host.js';

const LATE_MS = 60_000;
/** More are counted as so many: queue-stat --watch counts each second. */
const COUNTED_MAX = 10_000;
const UNTOLD = `SELECT count(*) AS n, min(updated_at_ms) AS sinceMs
  FROM (SELECT updated_at_ms FROM contents WHERE told = 0 LIMIT ${COUNTED_MAX})`;

/** `lateMs`: what is untold for a shorter time is no finding. */
export function untoldFindings(view: Pick<QueueView, 'read'>, nowMs = Date.now(), lateMs = LATE_MS): Finding[] {
  const host = view.read(sharingHost);
  if (!host) return [];
  const ofAll = { feed: '*', stage: '*', files: 0, since: null } as const;
  if (host.cursor === JOINING)
    return [
      {
        ...ofAll,
        code: 'host_not_joined',
        severity: 'stuck',
        sentence: `This state has not finished joining the shared ledger as ${host.name}: nothing is asked there, and nothing told.`,
        release: `stop ingest and run ${typed('ingest-ctl host join', host.name)}`,
      },
    ];
  const { n, sinceMs } = view.read((rows) => rows.get<{ n: number; sinceMs: number | null }>(UNTOLD))!;
  const found: Finding[] = [];
  if (host.cursor !== null)
    found.push({
      ...ofAll,
      code: 'told_again',
      severity: 'notice',
      sentence:
        'Everything that was stored here is told to the shared ledger again, and no new content is asked for until that has ended.',
      release: BY_ITSELF,
    });
  if (n > 0 && nowMs - sinceMs! >= lateMs)
    found.push({
      ...ofAll,
      code: 'contents_untold',
      severity: 'notice',
      sentence: `${n === COUNTED_MAX ? `At least ${n}` : n} ${n === 1 ? 'content that was stored here is' : 'contents that were stored here are'} not told to the shared ledger yet.`,
      release: BY_ITSELF,
      since: iso(sinceMs!),
    });
  return found;
}

const BY_ITSELF =
  'ingest does that by itself while it runs and PostgreSQL answers; `queue-stat --fleet` says whether it does';
