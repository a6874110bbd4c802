/** What the acts on DEST share. Each act looks anew at what it changes, and is done in one step as far as a reader sees. */

import type { Emit } from '../../base/telemetry/emit.js';
import type { ByteName } from '../../linux/index.js';
import type { Compare } from '../trees/compare.js';
import type { Dest } from '../trees/dest.js';
import type { Rules } from '../trees/rules.js';
import type { Source } from '../trees/source.js';
import type { Totals } from '../trees/types.js';
import type { KnownCopies } from './known-copies.js';

export interface Parts {
  source: Source;
  dest: Pick<Dest, 'open' | 'newName'>;
  rules: Rules;
  compare: Compare;
  knownCopies: KnownCopies;
  delete: boolean;
  checksum: boolean;
  totals: Totals;
  emit: Emit;
  /** Something new is in DEST: there was room for it. */
  wrote: () => void;
  /** Resolves when no large copy is under way at or below the path. */
  giveWay: (path: ByteName) => Promise<void>;
  /** Where it is given, acts are said and not done. */
  plan?: ((planned: Planned) => void) | undefined;
}

export type PlannedAct = 'copy' | 'make' | 'link' | 'attributes' | 'remove' | 'replace' | 'leave' | 'fail';

export interface Planned {
  act: PlannedAct;
  path: ByteName;
  bytes: number;
  why: string;
}

/** Whether the act is only said. Asked just before each act, when all that could keep it from being done was asked. */
export function onlyPlanned({ plan }: Parts, act: PlannedAct, path: ByteName, why: string, bytes = 0): boolean {
  plan?.({ act, path, bytes, why });
  return plan !== undefined;
}
