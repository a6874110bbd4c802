/** The words of a mirror: SOURCE is read, DEST is made like it. Paths are bytes, relative to both. */

import type { Emit } from '../../base/telemetry/emit.js';
import type { ByteName, Kind } from '../../linux/index.js';

export interface ReplicateOptions {
  /** Absolute, real paths of two directories of which none lies in the other. */
  source: string;
  dest: string;
  /** Globs; as those of a feed. What they leave out is neither copied nor removed. */
  include?: readonly string[];
  exclude?: readonly string[];
  /** What SOURCE does not have is removed from DEST. Default true. */
  delete?: boolean;
  /** Contents are compared by SHA-256 instead of by size and mtime. Default false. */
  checksum?: boolean;
  /** Takes over a DEST that has content of its own, or is the mirror of another SOURCE. Default false. */
  adopt?: boolean;
  /** An empty SOURCE empties DEST. Default false: it is refused, or waited for. */
  allowEmptySource?: boolean;
  /** Ends when one look at everything was made. Default false: goes on until it is stopped. */
  once?: boolean;
  /** Never events, only looks at everything. Default false. */
  poll?: boolean;
  /** Time between two looks at everything. Default 300,000; 5,000 with `poll`. */
  scanEveryMs?: number;
  /** Default: in the hidden folder of DEST. */
  changeLog?: string;
  emit?: Emit;
}

/** Counts since the start. */
export interface Totals {
  /** Looked at, of SOURCE. */
  files: number;
  copied: number;
  bytes: number;
  made: number;
  moved: number;
  removed: number;
  /** Only mode, owner or times were set. */
  touched: number;
  scans: number;
}

/** How it stands just now. */
export interface ReplicaStatus {
  totals: Totals;
  /** What DEST waits for: an errno name. */
  waiting: string | undefined;
  unmirrored: number;
  largeUnderWay: number;
  /** How far the mirror is behind what was told: 0 when all of it was looked at. */
  behind: number;
}

export interface Unmirrored {
  path: ByteName;
  /** An errno name, `changing`, `kept`, `too_large`, `mount_missing` or `overlap`. */
  code: string;
}

export interface Replicated {
  totals: Totals;
  /** What is not like SOURCE in the end; at most 100 of them are named. */
  unmirrored: Unmirrored[];
  unmirroredCount: number;
}

/** FIFOs, sockets and devices: told once, and left. */
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
