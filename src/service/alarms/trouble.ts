/**
 * The troubles that are worth an alarm now: the findings of `queue-stat`, without those that an operator caused on purpose and
 * those that concern an uploader who may still be at work.
 */
import type { HeldFor } from '../../../queue/backend.js';
import type { QueueView } from '../../../queue/index.js';
import { statsUsed } from '../../base/config/values/stage-names.js';
import { type Finding, isAlarm } from '../../ingest/health/finding.js';
import { processesOf } from '../../ingest/health/processes.js';
import { findings } from '../status/findings.js';
import { OF_PROCESSES } from '../status/process-findings.js';
import { limits } from './limits.js';

export interface Trouble {
  /** Stays the same as long as the trouble lasts. */
  key: string;
  feed: string;
  code: string;
  stage: string;
  /** Distinguishes troubles that are equal otherwise; '' if there is only one. */
  what: string;
  /** The number of files, processes or events. */
  count: number;
  /** True if a larger count is worth a new message. */
  grows: boolean;
  /** The trouble is reported when it has lasted so long. */
  graceMs: number;
  sentence: string;
  release: string;
  /** Wall clock; undefined if it is not known. */
  sinceMs: number | undefined;
}

/** Gives each trouble a key of its own: the same expectation may be configured twice. */
export function troublesOf(view: QueueView, statePath: string, wallMs: number): Trouble[] {
  const held = view.heldFor();
  const stats = statsUsed(view.stats(held), view.feeds());
  const seen = { stats, held, reasons: view.reasons(), processes: processesOf(view) };
  const troubles = findings(view, statePath, seen, wallMs)
    .filter((one) => OF_PROCESSES.includes(one.code) || isAlarm(one, wallMs))
    .map((finding) => toTrouble(finding, held));
  return [...new Map(troubles.map((trouble) => [trouble.key, trouble])).values()];
}

/** Troubles that only a producer can notice. While none lives, they are not known. */
export const OF_PRODUCER: readonly string[] = [
  'late_feed',
  'input_missing',
  'directory_failed',
  'link_moved',
  'feed_not_served',
];

/** A failing place closes several stages one after the other. Together they are one trouble. */
export const troubleKey = ({ feed, code, stage, what }: Pick<Trouble, 'feed' | 'code' | 'stage' | 'what'>): string =>
  JSON.stringify([feed, code, what === '' ? stage : what]);

/** Among several producers, one that is started again does not have its feeds for a moment. */
const OF_STARTS: readonly string[] = ['feed_not_served'];

function toTrouble(finding: Finding, held: readonly HeldFor[]): Trouble {
  const { feed, code, stage, what = '', files, sentence, release, since } = finding;
  const named = { feed, code, stage, what };
  const isHeld = held.some((one) => one.feed === feed && one.stage === stage && one.code === code);
  return {
    ...named,
    key: troubleKey(named),
    count: files,
    grows: isHeld,
    sentence,
    release,
    graceMs: OF_PROCESSES.includes(code) || OF_STARTS.includes(code) ? limits.processGraceMs : 0,
    sinceMs: since === null ? undefined : Date.parse(since),
  };
}
