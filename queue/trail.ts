/**
 * A job's history in a bounded list. Equal neighbours become a count. In a long list the middle is merged, because the
 * beginning shows where the job came from and the end shows why it is in its current state. Entries are written as
 * arrays: with property names, the history was half of a job's row.
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
  return fold([...trail, trailEntry(stage, outcome, why, atMs)]);
}

export function trailEntry(stage: string, outcome: string, why: string | undefined, atMs: number): TrailEntry {
  const entry: TrailEntry = { stage, outcome, firstAtMs: atMs, lastAtMs: atMs, count: 1 };
  if (why !== undefined) entry.why = why;
  return entry;
}

/** An entry as it is stored: `[stage, outcome, firstAtMs]`, followed by the values that most entries do not have. */
export function entryText({ stage, outcome, why, firstAtMs, lastAtMs, count }: TrailEntry): string {
  const more = count > 1 ? [why ?? null, lastAtMs, count] : why === undefined ? [] : [why];
  return JSON.stringify([stage, outcome, firstAtMs, ...more]);
}

export const trailText = (trail: readonly TrailEntry[]): string => `[${trail.map(entryText).join()}]`;

export function trailOf(text: string): TrailEntry[] {
  if (text === '[]') return [];
  type Row = [
    stage: string,
    outcome: string,
    firstAtMs: number,
    why?: string | null,
    lastAtMs?: number,
    count?: number,
  ];
  return (JSON.parse(text) as Row[]).map(([stage, outcome, firstAtMs, why, lastAtMs = firstAtMs, count = 1]) => ({
    stage,
    outcome,
    firstAtMs,
    lastAtMs,
    count,
    ...(why != null && { why }),
  }));
}

function fold(trail: TrailEntry[]): TrailEntry[] {
  if (trail.length <= limits.trailMax) return trail;
  const middle = trail.length >> 1;
  const at = trail.findIndex((entry) => entry.outcome === FOLDED && entry.stage === '');
  // The first merge takes two neighbours; each later one adds the entry that follows.
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
