/**
 * The objects that the acts on DEST share. Each act checks again what it is about to change, and a reader sees it as
 * one step.
 */

import type { Emit } from '../../base/telemetry/emit.js';
import { type ByteName, bytesOfName, type Stat, shownName } from '../../linux/index.js';
import type { Compare } from '../trees/compare.js';
import type { Dest } from '../trees/dest.js';
import type { Rules } from '../trees/rules.js';
import type { Source } from '../trees/source.js';
import type { MirrorTotals, Passed, PlannedAct } from '../trees/types.js';
import type { KnownCopies } from './known-copies.js';

export interface Parts {
  source: Source;
  dest: Pick<Dest, 'open' | 'newName' | 'path'>;
  rules: Rules;
  compare: Compare;
  knownCopies: KnownCopies;
  delete: boolean;
  checksum: boolean;
  totals: MirrorTotals;
  passed: Passed;
  emit: Emit;
  /** Called after something new was written to DEST, which shows that there was room. */
  wrote: () => void;
  /** Resolves when no large copy is under way at or below the path. */
  giveWay: (path: ByteName) => Promise<void>;
  /** If given, acts are only reported here, and not done. */
  plan?: ((planned: PlannedAct) => void) | undefined;
}

/** True: the act is only planned. Called directly before each act, after every check that could prevent it. */
export function onlyPlanned({ plan }: Parts, act: PlannedAct['act'], path: ByteName, why: string, bytes = 0): boolean {
  plan?.({ act, path: shownName(path), pathBytes: bytesOfName(path), bytes, why });
  return plan !== undefined;
}

/** The file is like its copy now. */
export function pass({ passed }: Parts, { size }: Stat): void {
  passed.files++;
  passed.bytes += size;
}
