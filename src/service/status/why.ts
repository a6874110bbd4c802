/**
 * Findings about checked files that do not go on, if a person should know: a writer that does not close, a sidecar that does not
 * come, an error that is repeated.
 */
import type { Reason } from '../../../queue/backend.js';
import type { QueueView } from '../../../queue/index.js';
import { openersOf } from '../../base/shell.js';
import { shownBytes } from '../../base/telemetry/safe.js';
import { BELOW_MARK } from '../../ingest/gates/room.js';
import { type Finding, files, iso } from '../../ingest/health/finding.js';
import { liesAtOf } from '../../ingest/roots/lies-at.js';
import type { JobFacts } from '../../ingest/rules/facts.js';

/** A check finds a writer by chance once or twice. */
const WRITER_LOOKS_MIN = 3;
/** A sidecar that is later than this was usually forgotten. */
const SIDECAR_LATE_MS = 3_600_000;
/** A file that is still checked after a day usually waits for something that does not come. */
const LONG_MS = 86_400_000;

export function whyFindings(view: Pick<QueueView, 'reasons' | 'feeds' | 'read'>, nowMs = Date.now()): Finding[] {
  const liesAt = liesAtOf(view);
  return view.reasons().flatMap((reason) => findingOf(reason, liesAt, nowMs) ?? []);
}

function findingOf(reason: Reason, liesAt: ReturnType<typeof liesAtOf>, nowMs: number): Finding | undefined {
  const { oldest, jobs } = reason;
  const ageMs = nowMs - oldest.createdAtMs;
  const path = oldest.key.toString('utf8');
  const which = jobs === 1 ? path : `${path} and ${jobs - 1} more`;
  const finding = (code: string, severity: Finding['severity'], sentence: string, release: string): Finding => ({
    code,
    severity,
    feed: reason.feed,
    stage: reason.stage,
    files: jobs,
    sentence,
    release,
    since: iso(oldest.createdAtMs),
  });
  switch (reason.reason) {
    case 'writer_open': {
      const { refusals = 0 } = oldest.payload as unknown as JobFacts;
      if (refusals < WRITER_LOOKS_MIN) return undefined;
      const sentence = `Somebody still has ${which} open for writing; ${refusals} checks in a row found it open.`;
      return finding(
        'writer_open',
        'stuck',
        sentence,
        `the writer has to close it; its process: ${openersOf(liesAt(oldest) ?? path)}`,
      );
    }
    case 'no_sidecar':
      if (ageMs < SIDECAR_LATE_MS) return undefined;
      return finding('no_sidecar', 'notice', `No sidecar has come for ${which}.`, 'the uploader has to deliver it');
    case 'sidecar_open':
      if (ageMs < SIDECAR_LATE_MS) return undefined;
      return finding(
        'sidecar_open',
        'notice',
        `Somebody is still writing the sidecar of ${which}.`,
        'the writer has to close it',
      );
    case 'partial_upload':
      return finding(
        'partial_upload',
        'notice',
        `The mtime of ${which} is 0, as rsync --partial leaves a file that it could not finish.`,
        'it is taken when it has not changed for --partial-upload-seconds; at once after touch, if it is whole',
      );
    case BELOW_MARK: {
      const sentence = `${which} (${shownBytes(oldest.bytes)}) would leave less free at the warehouse than --min-free-bytes, and is not copied.`;
      return finding(
        'low_space',
        'stuck',
        sentence,
        'free some space there, or lower the watermark; it is checked again by itself',
      );
    }
    default:
      return byAttempts(reason, ageMs, which, finding);
  }
}

function byAttempts(
  { reason, stage, oldest, jobs }: Reason,
  ageMs: number,
  which: string,
  finding: (code: string, severity: Finding['severity'], sentence: string, release: string) => Finding,
): Finding | undefined {
  if (oldest.attempts > 0) {
    const sentence = `${stage} failed ${oldest.attempts} ${oldest.attempts === 1 ? 'time' : 'times'} with ${which}: ${reason}.`;
    return finding(
      'retrying',
      'notice',
      sentence,
      'it is tried again by itself, and held when --max-attempts are spent',
    );
  }
  if (ageMs < LONG_MS) return undefined;
  return finding(
    'long_in_stage',
    'notice',
    `${files(jobs, ['has', 'have'])} been checked in ${stage} for a day and longer (${reason}): ${which}.`,
    'ingest-ctl explain says what it waits for',
  );
}
