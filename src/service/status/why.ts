/**
 * Findings about files that wait longer than the catalogue of reasons allows (src/ingest/stages/reasons.ts), and about errors that
 * are repeated.
 */
import type { Reason } from '../../../queue/backend.js';
import type { QueueView } from '../../../queue/index.js';
import { typed } from '../../base/shell.js';
import { type Finding, files, iso } from '../../ingest/health/finding.js';
import type { JobFacts } from '../../ingest/rules/facts.js';
import { codeOf, reasonOf } from '../../ingest/stages/reasons.js';
import { liesAtOf } from '../../ingest/upkeep/lies-at.js';
import { nameOfBytes } from '../../linux/index.js';

/** A file that is still checked after a day usually waits for something that does not come. */
const LONG_MS = 86_400_000;

type Asked = Pick<QueueView, 'feeds' | 'read'>;
type LiesAt = ReturnType<typeof liesAtOf>;
type Said = Pick<Finding, 'code' | 'severity' | 'sentence' | 'release'>;

export function whyFindings(view: Asked, reasons: readonly Reason[], nowMs = Date.now()): Finding[] {
  const liesAt = liesAtOf(view);
  return reasons.flatMap((reason) => {
    const ageMs = nowMs - reason.oldest.createdAtMs;
    const said = byCatalogue(liesAt, reason, ageMs) ?? repeated(reason) ?? (ageMs < LONG_MS ? undefined : long(reason));
    return said === undefined ? [] : findingOf(reason, said);
  });
}

/** Why the oldest files of each reason wait, however short that is. */
export function whyNow(view: Asked, reasons: readonly Reason[]): Finding[] {
  const liesAt = liesAtOf(view);
  return reasons.flatMap((reason) => {
    const said = byCatalogue(liesAt, reason, Number.POSITIVE_INFINITY);
    return said === undefined ? [] : findingOf(reason, said);
  });
}

const findingOf = ({ feed, stage, jobs, oldest }: Reason, said: Said): Finding => ({
  feed,
  stage,
  files: jobs,
  since: iso(oldest.createdAtMs),
  ...said,
});

const whichOf = ({ jobs, oldest }: Reason): string => {
  const path = oldest.key.toString('utf8');
  return jobs === 1 ? path : `${path} and ${jobs - 1} more`;
};

/** Undefined where the files have not waited so long, or the catalogue has no finding for it. */
function byCatalogue(liesAt: LiesAt, reason: Reason, ageMs: number): Said | undefined {
  const code = codeOf(reason.reason, reason.oldest.attempts);
  const { who, finding } = reasonOf(code);
  if (finding === undefined || ageMs < finding.afterMs) return undefined;
  const { refusals = 1, carriedBy: host = '' } = reason.oldest.payload as unknown as JobFacts;
  const { bytes, key } = reason.oldest;
  const which = whichOf(reason);
  const named = { which, at: liesAt(reason.oldest) ?? nameOfBytes(key), bytes, refusals, host };
  return {
    code: finding.code ?? code,
    severity: (finding.isStuck?.(named) ?? who === 'operator') ? 'stuck' : 'notice',
    sentence: finding.sentence(named),
    release: finding.release(named),
  };
}

function repeated(reason: Reason): Said | undefined {
  const { attempts } = reason.oldest;
  if (codeOf(reason.reason, attempts) !== 'retry') return undefined;
  return {
    code: 'retrying',
    severity: 'notice',
    sentence: `${reason.stage} failed ${attempts} ${attempts === 1 ? 'time' : 'times'} with ${whichOf(reason)}: ${reason.reason}.`,
    release: 'it is tried again by itself, and held when --max-attempts are spent',
  };
}

const long = (reason: Reason): Said => ({
  code: 'long_in_stage',
  severity: 'notice',
  sentence: `${files(reason.jobs, ['has', 'have'])} been checked in ${reason.stage} for a day and longer (${reason.reason}): ${whichOf(reason)}.`,
  release: `${typed('ingest-ctl explain', reason.oldest.id)} says what it waits for`,
});
