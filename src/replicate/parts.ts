/** What the acts on DEST share. Each act looks anew at what it changes, and is done in one step as far as a reader sees. */
import type { ByteName } from '../linux/index.js';
import type { Emit } from '../telemetry/emit.js';
import type { Dest } from './dest.js';
import type { Compare } from './difference.js';
import type { Known } from './known.js';
import type { Rules } from './rules.js';
import type { Source } from './source.js';
import type { Totals } from './types.js';

export interface Parts {
  source: Source;
  dest: Dest;
  rules: Rules;
  compare: Compare;
  known: Known;
  delete: boolean;
  checksum: boolean;
  totals: Totals;
  emit: Emit;
  /** Something new is in DEST: there was room for it. */
  wrote: () => void;
  /** Resolves when no large copy is under way at or below the path. */
  giveWay: (path: ByteName) => Promise<void>;
}
