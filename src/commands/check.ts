/**
 * queue-stat --check: one line for a monitoring system, in the form of the Monitoring Plugins (Nagios, Icinga, Checkmk, Sensu).
 * Guarantees: exit code 0 OK, 2 CRITICAL, 3 UNKNOWN; the line is on stdout, names the worst thing and what to do, and ends with figures.
 * Does not: know WARNING. A notice is worth knowing, but nothing waits for an operator.
 */
import type { QueueView } from '../../queue/index.js';
import type { Invocation } from '../base/config/read.js';
import { shownDuration } from '../base/config/values/duration.js';
import { asOperatorError } from '../base/errors.js';
import { safeText, shownSeconds } from '../base/telemetry/safe.js';
import { type Finding, NO_ALARM } from '../ingest/health/finding.js';
import type { FleetReport } from '../service/fleet/report.js';
import { oldestSeconds } from '../service/status/ages.js';
import { OF_PROCESSES } from '../service/status/process-findings.js';
import type { Report } from '../service/status/report.js';
import { print, printNote } from './console.js';

export const MONITORING = { ok: 0, critical: 2, unknown: 3 } as const;
/** A day: a sidecar, or the end of a cut upload, may rightly be waited for that long. */
const AGE_SECONDS = 86_400;
const HELD = 0;

interface Judged {
  /** The worst first. */
  wrong: string[];
  waiting: number;
  held: number;
  oldest: number;
}

type Bounds = Pick<Invocation['view'], 'max-age' | 'max-held'>;

export function checkState(view: QueueView, report: Report, asked: Invocation['view']): number {
  const { age, max } = boundsOf(asked);
  const held = report.stages.reduce((sum, stage) => sum + stage.held, 0);
  const waiting = report.stages.reduce((sum, s) => sum + s.ready + s.deferred + s.claimed + s.waiting, 0);
  const oldest = oldestSeconds(view, asked.feed);
  // --max-held says how many held files are no reason: then their findings are none either.
  const isOfHeld = (one: Finding) =>
    report.held_by_code.some((by) => by.code === one.code && by.feed === one.feed && by.stage === one.stage);
  const counted = held > max ? report.findings : report.findings.filter((one) => !isOfHeld(one));
  return conclude({ wrong: [...worst(counted), ...passed(oldest, age)], waiting, held, oldest }, asked);
}

export function checkFleet(report: FleetReport, asked: Invocation['view']): number {
  const { age, max } = boundsOf(asked);
  const sum = (of: (host: FleetReport['hosts'][number]) => number | null) =>
    report.hosts.reduce((all, host) => all + (of(host) ?? 0), 0);
  const held = report.hosts.filter((host) => (host.held ?? 0) > max);
  const oldest = Math.max(0, ...report.hosts.map((host) => host.oldest_age_seconds ?? 0));
  const wrong = [
    ...worst(report.findings),
    ...held.map((host) => `host ${host.host} holds ${host.held} files: run ingest-ctl held there`),
    ...passed(oldest, age),
  ];
  return conclude({ wrong, waiting: sum((host) => host.waiting), held: sum((host) => host.held), oldest }, asked);
}

/** A check that cannot judge says so, also where an option is wrong or the state is missing. */
export async function orUnknown(check: () => Promise<number>): Promise<number> {
  try {
    return await check();
  } catch (error) {
    const known = asOperatorError(error);
    line('UNKNOWN', known?.message ?? String(error));
    if (!known) printNote(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return MONITORING.unknown;
  }
}

const boundsOf = (asked: Bounds) => ({ age: asked['max-age'] ?? AGE_SECONDS, max: asked['max-held'] ?? HELD });

/** A service that is not at work keeps every file; what else is stuck follows in the order of queue-stat. */
function worst(findings: readonly Finding[]): string[] {
  const stuck = findings.filter(({ code, severity }) => severity === 'stuck' && !NO_ALARM.includes(code));
  const isOfService = ({ code }: Finding) => OF_PROCESSES.includes(code);
  return [...stuck.filter(isOfService), ...stuck.filter((one) => !isOfService(one))].map(
    ({ sentence, release }) => `${sentence} ${release}`,
  );
}

const passed = (oldest: number, age: number): string[] =>
  oldest <= age
    ? []
    : [
        `a file has been known for ${shownSeconds(oldest)}, longer than --max-age ${shownDuration(age * 1_000)}: queue-stat says in which stage`,
      ];

function conclude({ wrong, waiting, held, oldest }: Judged, asked: Bounds): number {
  const { age, max } = boundsOf(asked);
  const figures = `waiting=${waiting};;;0 held=${held};;${max};0 oldest=${oldest}s;;${age};0`;
  const [first, ...others] = wrong;
  if (first === undefined) {
    const age = oldest === 0 ? '' : `, the oldest for ${shownSeconds(oldest)}`;
    line('OK', `${waiting} ${waiting === 1 ? 'file is' : 'files are'} on the way${age}; ${held} held`, figures);
    return MONITORING.ok;
  }
  const more = others.length === 0 ? '' : ` (and ${others.length} more: queue-stat lists them)`;
  line('CRITICAL', `${first}${more}`, figures);
  return MONITORING.critical;
}

/** The first bar begins the figures: a path may have one. */
function line(status: string, sentence: string, figures?: string): void {
  print(`INGEST ${status} - ${safeText(sentence).replaceAll('|', '/')}${figures === undefined ? '' : ` | ${figures}`}`);
}
