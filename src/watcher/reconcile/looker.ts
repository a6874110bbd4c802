/**
 * Checks a path on disk: the interface for Linux and for other systems, and rules on the precision of times.
 */
import { release } from 'node:os';
import { fsKindOf } from '../../linux/filesystem.js';
import type { ByteName } from '../../linux/names.js';
import type { Seen } from './delivered-tree.js';

export interface Looker {
  /**
   * Returns undefined if nothing is there. Never follows a symlink. The exception is `uncached`, which uses no cached
   * directory and is for callers that know what to expect. Errors: with a `code`, as the system spells it.
   */
  look(path: ByteName, uncached?: boolean): Seen | undefined;
  /** Time has passed, so directories may have moved. */
  forget(): void;
  /** Safe to call twice. */
  close(): void;
}

/**
 * A second change within this time may leave the same times: a tick of the kernel's clock, or the resolution of a
 * filesystem.
 */
const TICK_MS = 50;
const COARSE_TICK_MS = 2_000;

/**
 * `ctimeMs` is the time of the last change. Whole seconds suggest a filesystem that stores no fractions, like an ext4
 * with small inodes: there it counts for nothing that times are exact.
 */
export function isRacy(ctimeMs: number, isExact: boolean, nowMs = Date.now()): boolean {
  if (ctimeMs % 1_000 === 0) return nowMs - ctimeMs < COARSE_TICK_MS;
  return !isExact && nowMs - ctimeMs < TICK_MS;
}

/** Filesystems with multigrain timestamps (Linux 6.13): a time that was read is never given to a later change. */
const EXACT: ReadonlySet<string> = new Set(['ext4', 'xfs', 'btrfs', 'tmpfs']);

/**
 * True: two changes with a check between them always differ in ctime. `place`: a path on the filesystem, or a
 * descriptor.
 */
export const timesAreExact = (place: ByteName | number): boolean => KERNEL_IS_EXACT && EXACT.has(fsKindOf(place).name);

/** Linux 6.13.0 and later. */
export function isExactKernel(platform: string, version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return platform === 'linux' && (major > 6 || (major === 6 && minor >= 13));
}

const KERNEL_IS_EXACT = isExactKernel(process.platform, release());
