/** The table of points: how often those of each call were met in some way, and which point never was. */
import type { Call } from './control.js';
import type { Entry } from './journal.js';
import { faultsOf } from './plan.js';
import { pointOf } from './points.js';

interface Met {
  before: number;
  after: number;
  failed: number;
}

const WAYS = ['before', 'after', 'failed'] as const;

export function pointsOf(entries: readonly Entry[], calls: readonly Call[]): string[] {
  const met = metIn(entries);
  const all = [...new Set([...calls.map(pointOf), ...met.keys()])].sort();
  const of = (point: string): Met => met.get(point) ?? { before: 0, after: 0, failed: 0 };
  const missed = (point: string) => WAYS.filter((way) => of(point)[way] === 0);
  const never = all.filter((point) => missed(point).length > 0);
  const isUnkilled = (point: string) => of(point).before === 0 || of(point).after === 0;
  return [
    '## Points',
    '',
    'A point is a stage, a call and a path, in the runner that does the work of all processes in one. The table counts by stage and call.',
    '',
    '| stage, call | points | killed before | killed after | failed |',
    '|---|--:|--:|--:|--:|',
    ...[...new Set(all.map(callOf))].map((call) => {
      const points = all.filter((point) => callOf(point) === call);
      const times = WAYS.map((way) => points.reduce((sum, point) => sum + of(point)[way], 0));
      return `| ${[call, points.length, ...times].join(' | ')} |`;
    }),
    '',
    `Never killed before or after: ${never.filter(isUnkilled).length}. Never reached in some way: ${never.length}.`,
    '',
    ...never.map((point) => `- ${point}: ${missed(point).join(', ')}`),
    '',
  ];
}

/** A point without its path. */
const callOf = (point: string): string => point.replace(/ \/.*/, '');

function metIn(entries: readonly Entry[]): Map<string, Met> {
  const met = new Map<string, Met>();
  for (const { part, name, points } of entries) {
    const faults = part === 'processes' ? undefined : faultsOf(name);
    for (const [i, { kind }] of (faults ?? []).entries()) {
      const point = points[i];
      if (point == null) continue;
      const counts = met.get(point) ?? { before: 0, after: 0, failed: 0 };
      counts[kind === 'kill before' ? 'before' : kind === 'kill after' ? 'after' : 'failed']++;
      met.set(point, counts);
    }
  }
  return met;
}
