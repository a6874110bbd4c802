/**
 * The public types of a mirror: SOURCE is read, and DEST is made like it. Paths are bytes, relative to both.
 */

import type { Emit } from '../../base/telemetry/emit.js';
import type { ByteName, Kind } from '../../linux/index.js';

export interface ReplicateOptions {
  /** Absolute, real paths of two directories. Neither is inside the other. */
  source: string;
  dest: string;
  /** Globs, as in the configuration of a feed. Excluded paths are neither copied nor removed. Default: none. */
  include?: readonly string[] | undefined;
  exclude?: readonly string[] | undefined;
  /** True: entries that SOURCE does not have are removed from DEST. Default true. */
  delete?: boolean | undefined;
  /** True: contents are compared by SHA-256 instead of by size and mtime. Default false. */
  checksum?: boolean | undefined;
  /** True: takes over a DEST that has other content, or that mirrors another SOURCE. Default false. */
  adopt?: boolean | undefined;
  /** True: an empty SOURCE empties DEST. Default false: it is refused, or waited for. */
  allowEmptySource?: boolean | undefined;
  /** True: ends after one full scan. Default false: runs until it is stopped. */
  once?: boolean | undefined;
  /** True: no events, only full scans. Default false. */
  poll?: boolean | undefined;
  /** Time between two full scans, in ms. Default 300,000; 5,000 with `poll`. */
  scanEveryMs?: number | undefined;
  /** Path of the change log. Default: in the hidden folder of DEST. */
  changeLog?: string | undefined;
  emit?: Emit | undefined;
}

/** Counts since the start. */
export interface Totals {
  /** Paths of SOURCE that were checked. */
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

/** The files of SOURCE that are like their copies now. */
export interface Passed {
  files: number;
  bytes: number;
}

/** The current state of a running mirror. */
export interface ReplicaStatus {
  totals: Totals;
  /** The errno name that DEST is waiting on, or the error code of a place that is away; undefined if both work. */
  waiting: string | undefined;
  unmirrored: number;
  largeUnderWay: number;
  /** Recorded changes that are not applied yet; 0: everything is applied. */
  behind: number;
}

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
