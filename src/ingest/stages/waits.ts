/**
 * Counts the waiting files by reason: every job that is neither held, done nor claimed, in the words of the catalogue.
 * Guarantees: it reads a bounded number of rows (10,000 jobs of one reason cost 2 ms, a million no more); where a count is a lower
 * bound it says so. Does not: judge. A reason becomes a finding in src/service/status/why.ts.
 */
import type { Gate, Reason, StageStats } from '../../../queue/backend.js';
import type { QueueView } from '../../../queue/index.js';
import { limits } from '../../../queue/limits.js';
import { PUBLISH } from '../../base/config/values/stage-names.js';
import { shownSeconds } from '../../base/telemetry/safe.js';
import { nameOfBytes, shownName } from '../../linux/index.js';
import { ON_TRIAL } from '../health/episode.js';
import type { WhoActs } from '../rules/reasons.js';
import { codeOf, reasonOf } from './reasons.js';

export interface Wait {
  feed: string;
  reason: string;
  /** `no sidecar` */
  words: string;
  who: WhoActs;
  files: number;
  /** True: `files` is a lower bound. */
  at_least: boolean;
  /** The path of the oldest of them; null where it is not known. */
  oldest: string | null;
  /** Its age. */
  oldest_age_seconds: number | null;
}

const NO_FILES = { files: 0, at_least: false, oldest: null, oldest_age_seconds: null };

type Asked = Pick<QueueView, 'stages' | 'stats' | 'gates' | 'reasons'>;

/** For each feed the reason with most files first. `known`: what the caller has read already. */
export function waitsOf(
  view: Asked,
  known: { stats?: readonly StageStats[]; gates?: readonly Gate[]; reasons?: readonly Reason[] } = {},
): Wait[] {
  const nowMs = Date.now();
  const { stats = view.stats(), gates = view.gates(), reasons = view.reasons() } = known;
  const waits = new Map<string, Wait>();
  const add = (feed: string, reason: string, files: number, of?: Reason) => {
    if (files <= 0) return;
    const { short: words, who } = reasonOf(reason);
    const key = `${feed}\0${reason}`;
    const wait: Wait = waits.get(key) ?? { feed, reason, words, who, ...NO_FILES };
    waits.set(key, wait);
    wait.files += files;
    wait.at_least ||= of !== undefined && isLowerBound(of);
    if (of !== undefined) {
      const age = Math.max(0, Math.floor((nowMs - of.oldest.createdAtMs) / 1_000));
      if (age >= (wait.oldest_age_seconds ?? 0))
        [wait.oldest, wait.oldest_age_seconds] = [shownName(nameOfBytes(of.oldest.key)), age];
    }
  };
  for (const { feed, stage, ready, deferred, waiting } of stats) {
    add(feed, stage === PUBLISH ? 'correction_unput' : 'twin', waiting);
    const gate = closing(gates, feed, stage);
    if (gate !== undefined) {
      add(feed, gate.cause === 'pause' ? 'paused' : 'gate', ready + deferred);
      continue;
    }
    const its = reasons.filter((one) => one.feed === feed && one.stage === stage);
    for (const one of its) add(feed, codeOf(one.reason, one.oldest.attempts), one.jobs, one);
    // Nothing is said of the rest where it may belong to one of these reasons.
    if (its.some(isLowerBound)) continue;
    const given = its.reduce((sum, { jobs }) => sum + jobs, 0);
    // A new file that is not due yet has no reason in its row: its quiet window runs.
    const quiet = stage === view.stages[0] ? Math.max(0, deferred - given) : 0;
    add(feed, 'window', quiet);
    add(feed, 'turn', ready + deferred - given - quiet);
  }
  return [...waits.values()].sort((a, b) => order(a.feed, b.feed) || b.files - a.files);
}

const order = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

const isLowerBound = ({ jobs }: Reason): boolean => jobs >= limits.reasonJobsMax;

const closing = (gates: readonly Gate[], feed: string, stage: string): Gate | undefined =>
  gates.find((gate) => gate.stage !== ON_TRIAL && [feed, '*'].includes(gate.feed) && [stage, '*'].includes(gate.stage));

/** The same over all feeds. */
export function waitsTogether(waits: readonly Wait[]): Wait[] {
  const all = new Map<string, Wait>();
  for (const wait of waits) {
    const sum: Wait = all.get(wait.reason) ?? { ...wait, feed: '*', ...NO_FILES };
    all.set(wait.reason, sum);
    sum.files += wait.files;
    sum.at_least ||= wait.at_least;
    if (wait.oldest_age_seconds !== null && wait.oldest_age_seconds >= (sum.oldest_age_seconds ?? 0))
      [sum.oldest, sum.oldest_age_seconds] = [wait.oldest, wait.oldest_age_seconds];
  }
  return [...all.values()].sort((a, b) => b.files - a.files);
}

/** `12 no sidecar (the oldest for 12m: a.csv), 3 quiet`; '' where nothing waits. */
export const waitsText = (waits: readonly Wait[]): string =>
  waits
    .map(({ files, at_least: isLeast, words, who, oldest, oldest_age_seconds: age }) => {
      const isOld = age !== null && age >= OLD_SECONDS;
      const name = oldest === null || who === 'nobody' || oldest.length > NAME_MAX ? '' : `: ${oldest}`;
      const old = isOld ? ` (the oldest for ${shownSeconds(age)}${name})` : '';
      return `${isLeast ? 'at least ' : ''}${files} ${words}${old}`;
    })
    .join(', ');

/** A younger file is nothing to worry about. */
const OLD_SECONDS = 60;
/** A longer name would take a line of the screen. */
const NAME_MAX = 60;
