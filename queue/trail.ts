/**
 * A job's history in a bounded list: equal neighbours become a count, and of a long list the middle is folded,
 * because its beginning says where the job came from and its end says why it is where it is.
 */
import type { TrailEntry } from './backend.js';
import { limits } from './limits.js';

const FOLDED = 'folded';

export function addToTrail(
  trail: readonly TrailEntry[],
  stage: string,
  outcome: string,
  why: string | undefined,
  atMs: number,
): TrailEntry[] {
  const last = trail.at(-1);
  if (last && last.stage === stage && last.outcome === outcome && last.why === why) {
    return [...trail.slice(0, -1), { ...last, lastAtMs: atMs, count: last.count + 1 }];
  }
  const entry: TrailEntry = { stage, outcome, firstAtMs: atMs, lastAtMs: atMs, count: 1 };
  if (why !== undefined) entry.why = why;
  return fold([...trail, entry]);
}

function fold(trail: TrailEntry[]): TrailEntry[] {
  if (trail.length <= limits.trailMax) return trail;
  const middle = trail.length >> 1;
  const at = trail.findIndex((entry) => entry.outcome === FOLDED && entry.stage === '');
  // The first fold takes two neighbours, each later one adds the entry behind it.
  const start = at >= 0 ? at : middle;
  const [a, b] = [trail[start]!, trail[start + 1]!];
  const one: TrailEntry = {
    stage: '',
    outcome: FOLDED,
    firstAtMs: a.firstAtMs,
    lastAtMs: b.lastAtMs,
    count: a.count + b.count,
  };
  return [...trail.slice(0, start), one, ...trail.slice(start + 2)];
}
