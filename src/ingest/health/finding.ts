/** A finding: something that is wrong, as queue-stat, the dashboard and alarms show it. */
import type { StageStats } from '../../../queue/backend.js';
import { onTheWay } from '../../base/telemetry/metrics.js';
import { LONG_MS, PAUSED } from './pause.js';

/** One thing that is wrong, in the words that all findings share. */
export interface Finding {
  /** A code of docs/errors.md, of a place, or of a finding itself. */
  code: string;
  /** `stuck`: files wait (or do not arrive) until somebody acts or a place is repaired. `notice`: worth knowing. */
  severity: 'stuck' | 'notice';
  /** `*` = all. */
  feed: string;
  stage: string;
  /** Distinguishes findings that are equal otherwise: a place, a pattern, a pid. */
  what?: string;
  /** The number of files that it stops. */
  files: number;
  sentence: string;
  /** The next step for an operator. */
  release: string;
  /** ISO 8601; null where it is not known. */
  since: string | null;
}

/** A finding; where `said` names none, of all feeds and stages, and of no file. */
export const finding = (
  severity: Finding['severity'],
  code: string,
  said: Pick<Finding, 'sentence' | 'release'> & Partial<Finding>,
): Finding => ({ code, severity, feed: '*', stage: '*', files: 0, since: null, ...said });

/** Worth an alarm, for a receiver and for `queue-stat --check`. A pause of today is none; the age of its files still counts. */
export const isAlarm = ({ code, severity, since }: Finding, nowMs = Date.now()): boolean =>
  severity === 'stuck' && (code !== PAUSED || nowMs - Date.parse(since!) >= LONG_MS);

export const iso = (ms: number): string => new Date(ms).toISOString();

export const files = (count: number, verb: [one: string, many: string]): string =>
  count === 1 ? `1 file ${verb[0]}` : `${count} files ${verb[1]}`;

export const WAIT: [string, string] = ['waits', 'wait'];

/** The number of jobs in these stages that are not done, without held ones. */
export function waitingIn(stats: readonly StageStats[], feed: string, stages: readonly string[]): number {
  return stats
    .filter((one) => (feed === '*' || one.feed === feed) && (stages.includes('*') || stages.includes(one.stage)))
    .reduce((sum, one) => sum + onTheWay(one), 0);
}
