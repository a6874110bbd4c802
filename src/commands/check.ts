/**
 * queue-stat --check: one line for a monitoring system, in the form of the Monitoring Plugins (Nagios, Icinga, Checkmk, Sensu).
 * Guarantees: exit code 0 OK, 2 CRITICAL, 3 UNKNOWN; the line is on stdout, names the worst thing and what to do, and ends with figures.
 * Does not: know WARNING. A notice is worth knowing, but nothing waits for an operator.
 */
import type { QueueView } from '../../queue/index.js';
import type { Invocation } from '../base/config/read.js';
import { shownDuration } from '../base/config/values/duration.js';
import { asOperatorError } from '../base/errors.js';
import { typed } from '../base/shell.js';
import { safeText, shownSeconds } from '../base/telemetry/safe.js';
import { tellBug } from '../base/telemetry/tell.js';
import { type Finding, isAlarm } from '../ingest/health/finding.js';
import { pauseText } from '../ingest/health/pause.js';
import { waitsText, waitsTogether } from '../ingest/stages/waits.js';
import { type Oldest, oldestOf, toSecond } from '../service/status/ages.js';
import type { HostsReport } from '../service/status/hosts.js';
import { OF_PROCESSES } from '../service/status/process-findings.js';
import { isOfHeld, type Report } from '../service/status/report.js';
import { whyNow } from '../service/status/why.js';
import { print, said } from './console.js';

export const MONITORING = { ok: 0, critical: 2, unknown: 3 } as const;
/** A day: a sidecar, or the end of a cut upload, may rightly be waited for that long. */
const AGE_SECONDS = 86_400;
const HELD = 0;
const LOST = 'state_lost';

export function checkState(view: QueueView, report: Report, asked: Invocation['view']): number {
  const { 'max-age': age = AGE_SECONDS, 'max-held': max = HELD, feed } = asked;
  const held = report.stages.reduce((sum, stage) => sum + stage.held, 0);
  const waiting = report.stages.reduce((sum, s) => sum + s.ready + s.deferred + s.claimed + s.waiting, 0);
  const oldest = oldestOf(view, feed);
  const seconds = oldest?.seconds ?? 0;
  // --max-held says how many held files are no reason: then their findings are none either.
  const counted = held > max ? report.findings : report.findings.filter((one) => !isOfHeld(report, one));
  const why = oldest !== undefined && seconds > age ? [passed(seconds, age, whyOld(view, oldest, report))] : [];
  const [first, ...others] = [...worst(counted), ...why];
  const waits = waitsText(waitsTogether(report.waits));
  const figures = `waiting=${waiting};;;0 held=${held};;${max};0 oldest=${seconds}s;;${age};0`;
  if (first === undefined) {
    const since = seconds === 0 ? '' : `, the oldest for ${shownSeconds(seconds)}`;
    const files = `${waiting} ${waiting === 1 ? 'file is' : 'files are'} on the way${since}`;
    line('OK', `${files}${waits === '' ? '' : `: ${waits}`}; ${held} held${pausesIn(report)}`, figures);
    return MONITORING.ok;
  }
  const more = others.length === 0 ? '' : ` (and ${others.length} more: ${typed('queue-stat')} lists them)`;
  line('CRITICAL', `${first}${more}${waits === '' ? '' : `; what waits: ${waits}`}`, figures);
  return MONITORING.critical;
}

/** The same for all hosts that share a ledger. Bounds are for the check of each host. */
export function checkHosts({ hosts, findings }: HostsReport): number {
  const [first, ...others] = worst(findings);
  const more = others.length === 0 ? '' : ` (and ${others.length} more: queue-stat --fleet lists them)`;
  const said = first === undefined ? `${hosts.length} hosts share the ledger` : `${first}${more}`;
  line(first === undefined ? 'OK' : 'CRITICAL', said, `hosts=${hosts.length};;;0 wrong=${findings.length};;;0`);
  return first === undefined ? MONITORING.ok : MONITORING.critical;
}

/**
 * A check that cannot judge says so, also where an option is wrong or the state is missing. A state that was there and is lost is
 * CRITICAL: the service has died of it, or refuses to start.
 */
export async function orUnknown(check: () => Promise<number>): Promise<number> {
  try {
    return await check();
  } catch (error) {
    const known = asOperatorError(error);
    if (known?.code === LOST) {
      line('CRITICAL', known.message);
      return MONITORING.critical;
    }
    line('UNKNOWN', known?.message ?? String(error));
    if (!known) tellBug(error);
    return MONITORING.unknown;
  }
}

/** In the order of the findings. */
const worst = (findings: readonly Finding[]): string[] =>
  findings.filter((one) => isAlarm(one)).map(({ sentence, release }) => `${sentence} ${release}`);

const passed = (oldest: number, age: number, why: string): string =>
  `a file has been known for ${shownSeconds(oldest)}, longer than --max-age ${shownDuration(age * 1_000)}. ${why}`;

/** The stage of the oldest file, and what keeps it there: a closed gate, what it waits for itself, or what concerns its whole stage. */
function whyOld(view: QueueView, { feed, stage, since }: Oldest, { findings, gates }: Report): string {
  const isThere = (one: Finding) =>
    [feed, '*'].includes(one.feed) && (one.stage === '*' || one.stage.split(',').includes(stage));
  const isGate = ({ code }: Finding) => gates.some((gate) => gate.code === code);
  const isItself = (one: Finding) => one.files > 0 && one.since !== null && toSecond(one.since) === since;
  const isOfAll = ({ code }: Finding) => [...OF_PROCESSES, ...OF_FEEDS].includes(code);
  const there = findings.filter(isThere);
  const why =
    there.find(isGate) ??
    there.find(isItself) ??
    there.find(isOfAll) ??
    whyNow(view, view.reasons()).find((one) => isThere(one) && isItself(one));
  const where = `It is in ${stage} of ${feed}`;
  return why === undefined
    ? `${where}: ${typed('ingest-ctl explain PATH')} says why it waits`
    : `${where}: ${why.sentence} ${why.release}`;
}

/** Findings that concern every file of a feed, or of the state. */
const OF_FEEDS: readonly string[] = ['feed_not_served', 'feed_not_in_state', 'state_full'];
const PAUSES_MAX = 3;

/** The pauses, for a line that says that all is well. */
function pausesIn({ gates }: Report): string {
  const pauses = gates.filter(({ cause }) => cause === 'pause');
  const more = pauses.length > PAUSES_MAX ? [`${pauses.length - PAUSES_MAX} more pauses`] : [];
  return [...pauses.slice(0, PAUSES_MAX).map(pauseOf), ...more].map((text) => `; ${text}`).join('');
}

const pauseOf = ({ stage, feed, reason, until }: Report['gates'][number]): string =>
  `${stage === '*' ? 'every stage' : stage}${feed === '*' ? '' : ` of ${feed}`} is paused (${pauseText({ reason, untilMs: until === null ? null : Date.parse(until) })})`;

/** The first bar begins the figures: a path may have one. A command has none (src/base/shell.ts). */
function line(status: string, sentence: string, figures?: string): void {
  print(
    `INGEST ${status} - ${safeText(said(sentence)).replaceAll('|', '/')}${figures === undefined ? '' : ` | ${figures}`}`,
  );
}
