/**
 * What is wrong now and worth an alarm: the findings that `queue-stat` shows, without what somebody did on purpose and what
 * is an uploader's business.
 */
import type { HeldFor } from '../../../queue/backend.js';
import type { QueueView } from '../../../queue/index.js';
import { statsUsed } from '../../base/config/values/stage-names.js';
import type { Finding } from '../../ingest/health/finding.js';
import type { ProcessWatch } from '../../ingest/health/processes.js';
import { findings } from '../status/findings.js';
import { OF_PROCESSES } from '../status/process-findings.js';
import { limits } from './limits.js';

export interface Trouble {
  /** The same as long as it lasts. */
  key: string;
  feed: string;
  code: string;
  stage: string;
  /** Which of several that have the rest in common; '' where there is one. */
  what: string;
  /** Files, processes or times. */
  count: number;
  /** A larger count is news. */
  grows: boolean;
  /** Told when it has lasted so long. */
  graceMs: number;
  sentence: string;
  release: string;
  /** Wall clock; undefined where nobody knows. */
  sinceMs: number | undefined;
}

/** An operator's pause, and a writer that has not closed its file. */
const NO_ALARM = ['paused', 'writer_open'];

/** Each of another key: an expectation may be written twice. */
export function troublesOf(view: QueueView, statePath: string, watch: ProcessWatch, wallMs: number): Trouble[] {
  const held = view.heldFor();
  const troubles = findings(view, statePath, statsUsed(view.stats(held), view.feeds()), held, watch.check(view), wallMs)
    .filter(({ code, severity }) => OF_PROCESSES.includes(code) || (severity === 'stuck' && !NO_ALARM.includes(code)))
    .map((finding) => toTrouble(finding, held));
  return [...new Map(troubles.map((trouble) => [trouble.key, trouble])).values()];
}

/** What a producer has to tell of a feed; while none lives, nobody says it. */
export const OF_PRODUCER: readonly string[] = ['late_feed', 'input_missing'];

/** A place that fails closes one stage after the other: that is one trouble. */
export const troubleKey = ({ feed, code, stage, what }: Pick<Trouble, 'feed' | 'code' | 'stage' | 'what'>): string =>
  JSON.stringify([feed, code, what === '' ? stage : what]);

function toTrouble(finding: Finding, held: readonly HeldFor[]): Trouble {
  const { feed, code, stage, what = '', files, sentence, release, since } = finding;
  const named = { feed, code, stage, what };
  const isHeld = held.some((one) => one.feed === feed && one.stage === stage && one.code === code);
  return {
    ...named,
    ...{ key: troubleKey(named), count: files, grows: isHeld, sentence, release },
    graceMs: OF_PROCESSES.includes(code) ? limits.processGraceMs : 0,
    sinceMs: since === null ? undefined : Date.parse(since),
  };
}
