import type { StageStats } from '../../../queue/backend.js';

/** One thing that is wrong, and the words that all of them share. */
export interface Finding {
  /** A code of docs/errors.md, of a place, or one of those here. */
  code: string;
  /** `stuck`: files wait (or do not come), and will until somebody acts or a place is repaired. `notice`: worth knowing. */
  severity: 'stuck' | 'notice';
  /** `*` = all. */
  feed: string;
  stage: string;
  /** Which of several that have the rest in common: a place, a pattern, a pid. */
  what?: string;
  /** How many files it keeps. */
  files: number;
  sentence: string;
  /** What to do. */
  release: string;
  /** ISO 8601; null where nobody knows. */
  since: string | null;
}

export const iso = (ms: number): string => new Date(ms).toISOString();

export const files = (count: number, verb: [one: string, many: string]): string =>
  count === 1 ? `1 file ${verb[0]}` : `${count} files ${verb[1]}`;

export const WAIT: [string, string] = ['waits', 'wait'];

/** Jobs of these stages that are not done, held ones left out. */
export function waitingIn(stats: readonly StageStats[], feed: string, stages: readonly string[]): number {
  return stats
    .filter((one) => (feed === '*' || one.feed === feed) && (stages.includes('*') || stages.includes(one.stage)))
    .reduce((sum, { ready, deferred, claimed, waiting }) => sum + ready + deferred + claimed + waiting, 0);
}
