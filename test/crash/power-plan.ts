/** The parameters and the result of a run of power cuts. */
import { contents } from '../world/dropping.js';
import type { DiskType } from './power-disks.js';

/** `apart`: the database, the input, the manifests, the warehouse each on a disk. `joined`: the warehouse beside the input. */
export const LAYOUTS = ['apart', 'joined'] as const;
export type Layout = (typeof LAYOUTS)[number];

export interface PowerPlan {
  seed: string;
  /** It ends after so many cuts, at the next settlement, or with the first violation. */
  cuts: number;
  layout?: Layout;
  type?: DiskType;
  /** The environment of the ingestor (a mutant's switch). */
  env?: NodeJS.ProcessEnv;
  /** Milliseconds since the epoch after which no new world is begun. */
  until?: number;
  tell?: (line: string) => void;
}

export interface Violation {
  kind: string;
  what: string;
  /** Seed, world, cut and disks, to reproduce it. */
  where: string;
  evidence: string[];
}

export interface PowerReport {
  cuts: number;
  /** Cuts by layout, filesystem and kind. */
  by: Record<string, number>;
  drops: number;
  /** Files that the log reported as stored before a cut, and that were looked for after it. */
  acknowledged: number;
  settlements: number;
  violations: Violation[];
}

/** The same seed gives the same numbers. */
export function dice(seed: string): (n: number) => number {
  const draw = contents(seed);
  return (n) => draw(4).readUInt32LE() % n;
}

/** A delay after a number of events of a kind: at the start, while files are sealed, or while they are stored. */
export function drawMoment(below: (n: number) => number): { event: string; count: number; afterMs: number } {
  const kind = below(8);
  if (kind === 0) return { event: 'worker_started', count: below(3), afterMs: below(250) };
  if (kind < 4) return { event: 'file_ready', count: 1 + below(80), afterMs: below(60) };
  return { event: 'file_ingested', count: 1 + below(80), afterMs: below(40) };
}
