/**
 * The types of a mirror inside this program. The options, counts and state are those of the library (src/mirror/library/types.ts);
 * paths are bytes here, relative to SOURCE and DEST.
 */

import type { Emit } from '../../base/telemetry/emit.js';
import type { ByteName, Kind } from '../../linux/index.js';
import type { MirrorOptions, MirrorStatus, MirrorTotals } from '../library/types.js';

/** `source` and `dest` are absolute, real paths. Neither is inside the other. */
export interface ReplicateOptions extends Omit<MirrorOptions, 'signal' | 'logger'> {
  emit?: Emit | undefined;
}

export type Totals = MirrorTotals;
export type ReplicaStatus = MirrorStatus;

export interface Unmirrored {
  path: ByteName;
  /** An errno name, `changing`, `kept`, `too_large`, `mount_missing` or `overlap`. */
  code: string;
}

export interface Replicated {
  totals: Totals;
  /** The paths that are not like SOURCE at the end; at most 100 of them are listed. */
  unmirrored: Unmirrored[];
  unmirroredCount: number;
}

/** FIFOs, sockets and devices: logged once, and never mirrored. */
export const isSpecial = (kind: Kind): boolean => kind !== 'file' && kind !== 'directory' && kind !== 'symlink';

export const noTotals = (): Totals => ({
  files: 0,
  copied: 0,
  bytes: 0,
  made: 0,
  moved: 0,
  removed: 0,
  touched: 0,
  scans: 0,
});
