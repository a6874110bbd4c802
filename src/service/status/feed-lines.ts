/** Each feed in one line, the worst first: its state, its backlog, its oldest file. queue-stat and the page show the same. */
import { onTheWay } from '../../base/telemetry/metrics.js';
import type { Finding } from '../../ingest/health/finding.js';
import type { Report } from './report.js';

/** The worst of its findings; `paused` where it is a pause. */
export type FeedState = 'stuck' | 'paused' | 'notice' | 'ok';

export type FeedLine = ReturnType<typeof lineOf>;

const WORST: readonly FeedState[] = ['stuck', 'paused', 'notice', 'ok'];
const PAUSE = 'paused';

type Seen = Pick<Report, 'stages' | 'findings' | 'gates' | 'totals' | 'throughput'>;

export function feedLines(report: Seen): FeedLine[] {
  const names = [...new Set(report.stages.map(({ feed }) => feed))];
  const rank = ({ state }: FeedLine) => WORST.indexOf(state);
  return names
    .map((feed) => lineOf(feed, report))
    .sort((a, b) => rank(a) - rank(b) || b.held + b.waiting - a.held - a.waiting || (a.feed < b.feed ? -1 : 1));
}

function lineOf(feed: string, { stages, findings, totals, throughput }: Seen) {
  const its = stages.filter((one) => one.feed === feed);
  const sum = (of: (one: (typeof its)[number]) => number) => its.reduce((total, one) => total + of(one), 0);
  return {
    feed,
    state: stateOf(findings.filter((one) => one.feed === feed || one.feed === '*')),
    /** Files on their way, without held ones. */
    waiting: sum(onTheWay),
    held: sum(({ held }) => held),
    /** The size of the files on their way and of the held ones. */
    bytes: sum(({ bytes }) => bytes),
    /** The age of the oldest of these; 0 where there is none. */
    oldest_age_seconds: Math.max(0, ...its.map((one) => one.oldest_age_seconds)),
    /** Since the state was made. */
    stored: totals.find((one) => one.feed === feed && one.name === 'stored')?.files ?? 0,
    files_per_second: throughput.find((one) => one.feed === feed)?.files_per_second ?? 0,
  };
}

function stateOf(findings: readonly Finding[]): FeedState {
  if (findings.some(({ code, severity }) => severity === 'stuck' && code !== PAUSE)) return 'stuck';
  if (findings.some(({ code }) => code === PAUSE)) return 'paused';
  return findings.length > 0 ? 'notice' : 'ok';
}
