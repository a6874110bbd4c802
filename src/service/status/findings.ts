/**
 * The findings: each says in one sentence what is wrong, with its cause, since when, and what to do. `queue-stat` and the
 * dashboard show them first.
 * Guarantees: everything that stops a file is included (a closed gate, a hold, a stage without a process, a stopped process,
 * a file that has waited too long). Troubles that pass by themselves within their usual time are left out. The worst comes first, and
 * every view keeps this order: what stops all files, then a place or a feed, then a pause, then single files. It reads a bounded number of rows, opens no file of an input, and calls no place that may hang.
 * Does not: escape names for a terminal or a page; the code that shows them does.
 */
import type { Gate, HeldFor, Reason, StageStats } from '../../../queue/backend.js';
import type { QueueView } from '../../../queue/index.js';
import { CATALOGUE } from '../../base/errors.js';
import { groupOf, remedyOf } from '../../base/remedy.js';
import type { PlaceKind } from '../../files/place-error.js';
import { ON_TRIAL } from '../../ingest/health/episode.js';
import { type Finding, files, finding, iso, WAIT, waitingIn } from '../../ingest/health/finding.js';
import { ADVICE, notices } from '../../ingest/health/notices.js';
import { LONG_MS, PAUSED, pauseText, resumes } from '../../ingest/health/pause.js';
import { PLACES } from '../../ingest/health/places.js';
import type { Process } from '../../ingest/health/processes.js';
import { roomFindings } from '../../ingest/health/room.js';
import { UNCHECKED } from '../../ingest/ledger/unchecked-gate.js';
import { absenceFindings, unservedFindings } from './absence.js';
import { headerFindings } from './chains.js';
import { lateFindings } from './late.js';
import { periodFindings } from './period-findings.js';
import { processFindings } from './process-findings.js';
import { unsentFindings } from './unsent.js';
import { untoldFindings } from './untold.js';
import { whyFindings } from './why.js';

/** The caller has read these already, for other figures of the same snapshot. */
export interface Seen {
  stats: readonly StageStats[];
  held: readonly HeldFor[];
  reasons: readonly Reason[];
  processes: readonly Process[];
}

export function findings(
  view: QueueView,
  statePath: string,
  { stats, held, reasons, processes }: Seen,
  nowMs = Date.now(),
): Finding[] {
  const gates = gateFindings(view.gates(), stats, view.stages, nowMs);
  const isPause = ({ code }: Finding) => code === PAUSED;
  const all = [
    // Everything stands.
    ...absenceFindings(view, stats, processes),
    ...roomFindings(statePath),
    ...processFindings(processes),
    // The files of a place, or of a feed.
    ...gates.filter((one) => !isPause(one)),
    ...noticeFindings(view),
    ...unservedFindings(view, stats),
    ...lateFindings(view, nowMs),
    ...gates.filter(isPause),
    // Single files.
    ...held.map(heldFinding),
    ...whyFindings(view, reasons, nowMs),
    ...periodFindings(view, nowMs),
    ...headerFindings(view, nowMs),
    ...untoldFindings(view, nowMs),
    ...unsentFindings(view),
  ];
  return [...all.filter(({ severity }) => severity === 'stuck'), ...all.filter(({ severity }) => severity !== 'stuck')];
}

/** One finding for each trouble, although it may close several stages. */
function gateFindings(
  gates: readonly Gate[],
  stats: readonly StageStats[],
  order: readonly string[],
  nowMs: number,
): Finding[] {
  const troubles = Map.groupBy(
    gates.filter(({ stage }) => stage !== ON_TRIAL),
    ({ feed, cause, place, code, stage }) =>
      JSON.stringify(cause === 'pause' ? [feed, cause, stage] : [feed, cause, place, code]),
  );
  const found = [...troubles.values()].map((same): Finding => {
    const [{ feed, cause, place, code, reason, untilMs }] = same as [Gate];
    const stages = same.map(({ stage }) => stage).sort((a, b) => order.indexOf(a) - order.indexOf(b));
    const sinceMs = Math.min(...same.map((gate) => gate.sinceMs));
    const where = `${stages.includes('*') ? 'every stage' : stages.join(' and ')} of ${feed === '*' ? 'every feed' : feed}`;
    const verb = stages.length > 1 && !stages.includes('*') ? 'are' : 'is';
    const count = waitingIn(stats, feed, stages);
    const isPause = cause === 'pause';
    const isLong = nowMs - sinceMs >= LONG_MS;
    const isCheck = code === UNCHECKED;
    return finding(isCheck || (isPause && count === 0 && !isLong) ? 'notice' : 'stuck', code, {
      feed,
      stage: stages.join(','),
      what: place,
      files: count,
      sentence: isPause
        ? `${where} ${verb} paused${isLong ? ' for more than a day' : ''} (${pauseText({ reason, untilMs })}); ${files(count, WAIT)}.`
        : `${where} ${verb} closed, ${code}${PLACES[place as PlaceKind].at}: ${reason}; ${files(count, WAIT)}.`,
      release: isPause
        ? resumes({ stage: stages.includes('*') ? '*' : stages[0]!, feed })
        : ((isCheck ? undefined : PLACES[place as PlaceKind].release) ?? CATALOGUE[code]!.hint),
      since: iso(sinceMs),
    });
  });
  return found.sort((a, b) => b.files - a.files);
}

export function heldFinding({ feed, stage, code, jobs, oldest }: HeldFor): Finding {
  const path = oldest.key.toString('utf8');
  const which = jobs === 1 ? path : `the first of them ${path}`;
  const reason = oldest.reason ?? '';
  // The reason of a chain names the file itself.
  const isNamed = [`${path}:`, `${path},`].some((begin) => reason.startsWith(begin));
  const why = isNamed ? reason.slice(path.length) : `: ${reason}`;
  return finding('stuck', code, {
    feed,
    stage,
    files: jobs,
    sentence: `${files(jobs, ['is', 'are'])} held in ${stage} of ${feed} (${code}), ${which}${why}.`,
    release: remedyOf(code, jobs === 1 ? oldest.id : groupOf(feed, code), feed),
    since: iso(oldest.updatedAtMs),
  });
}

/** Files do not arrive, or not where their readers look. */
const UNREAD: readonly string[] = ['input_missing', 'directory_failed', 'link_moved'];

function noticeFindings(view: QueueView): Finding[] {
  return notices(view).map(({ feed, code, what, reason, sinceMs }) =>
    finding(UNREAD.includes(code) ? 'stuck' : 'notice', code, {
      feed,
      what,
      sentence: reason,
      release: ADVICE[code],
      since: iso(sinceMs),
    }),
  );
}
